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

// The phases of a call: for each stage its inputs are read, then its outputs are computed. If the last is normalised, one
// more phase does that.
static int count_stages(const void* given, int number) {
    const StagesJob& job = *static_cast<const StagesJob*>(given);
    const StagesCall& call = *job.call;
    const int s = number / 2;
    const bool over = s == call.stages;
    if (over && (number % 2 || !call.stage[s - 1].normalised)) return 0;
    if (!over && number % 2) return product_chunks(call.stage[s].linear, call.rows, job.members);
    const int size = over ? call.stage[s - 1].linear.outputs : call.stage[s].linear.inputs;
    return chunks(static_cast<int64_t>(call.rows) * size, 1 << 11, call.rows, job.members);
}

static void stages(const void* given, int number, int index) {
    const StagesJob& job = *static_cast<const StagesJob*>(given);
    const StagesCall& call = *job.call;
    const Rows& room = job.room;
    const int n = call.rows, shift = shift_for(n), s = number / 2, of = count_stages(given, number);
    int first, end;
    if (number % 2) {
        const Stage& stage = call.stage[s];
        const Bytes bytes{room.bytes, room.scales, static_cast<size_t>(padded(stage.linear.inputs, 64))};
        const size_t outputs = stage.linear.outputs;
        const bool out = s + 1 == call.stages && !stage.normalised;
        const Target to{out ? call.out : room.wide, out ? outputs : room.stride, stage.activation, nullptr};
        share((stage.linear.outputs + 15) / 16, index, of, &first, &end);
        return linear(stage.linear, bytes, n, first, end, to, shift);
    }
    share(n, index, of, &first, &end);
    if (s && call.stage[s - 1].normalised) {
        const Stage& before = call.stage[s - 1];
        const int size = before.linear.outputs;
        for (int i = first; i < end; i++) {
            float* row = room.wide + i * room.stride;
            pad_row(row, size);
            normalise(row, size, before.epsilon, before.norm, row);
            if (s == call.stages) __builtin_memcpy(call.out + static_cast<size_t>(i) * size, row, sizeof(float) * size);
        }
    }
    if (s == call.stages) return;
    const int inputs = call.stage[s].linear.inputs;
    const Bytes bytes{room.bytes, room.scales, static_cast<size_t>(padded(inputs, 64))};
    take_rows(s ? nullptr : call.in, inputs, room.wide, room.stride, bytes, first, end, shift);
}
