// Linear layers one after the other: what stands on a transformer. Included once per instruction set, after `transformer.h`.

// A row of `size` numbers with zeros behind it to whole lanes.
INLINE void pad_row(float* row, int size) {
    for (int j = size; j < padded(size, 16); j++) row[j] = 0.0f;
}

// Rows [first, end) of `from`, which has no gaps, as bytes; `wide` keeps them padded.
INLINE void take_rows(const float* from, int size, float* wide, size_t stride, const Bytes& to, int first, int end, int shift) {
    for (int i = first; i < end; i++) {
        float* row = wide + i * stride;
        if (from) __builtin_memcpy(row, from + static_cast<size_t>(i) * size, sizeof(float) * size);
        pad_row(row, size);
        quantise(row, size, to.rows + i * to.stride, to.scales + i, static_cast<int>(to.stride), shift);
    }
}

static void stages(void* given, int member, int members) {
    const StagesJob& job = *static_cast<StagesJob*>(given);
    const StagesCall& call = *job.call;
    const Rows& room = job.room;
    const int n = call.rows, shift = shift_for(n);
    int first, end;  // of the rows that this member prepares
    share(n, member, members, &first, &end);
    for (int s = 0; s < call.stages; s++) {
        const Stage& stage = call.stage[s];
        const Linear& layer = stage.linear;
        const bool last = s + 1 == call.stages;
        const Bytes bytes{room.bytes, room.scales, static_cast<size_t>(padded(layer.inputs, 64))};
        take_rows(s ? nullptr : call.in, layer.inputs, room.wide, room.stride, bytes, first, end, shift);
        job.team->meet(members);
        const bool out = last && !stage.normalised;
        const Target to{out ? call.out : room.wide, out ? static_cast<size_t>(layer.outputs) : room.stride, stage.activation, nullptr};
        int from, until;
        share(padded(layer.outputs, 16) / 16, member, members, &from, &until);
        linear(layer, bytes, n, from, until, to, shift);
        if (out) return;
        job.team->meet(members);
        for (int i = first; stage.normalised && i < end; i++) {
            float* row = room.wide + i * room.stride;
            pad_row(row, layer.outputs);
            normalise(row, layer.outputs, stage.epsilon, stage.norm, row);
            if (last) __builtin_memcpy(call.out + static_cast<size_t>(i) * layer.outputs, row, sizeof(float) * layer.outputs);
        }
    }
}
