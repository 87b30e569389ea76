// An LSTM over int8 weights (Hochreiter and Schmidhuber, 1997, "Long short-term memory"). Included once per instruction
// set, after `stages.h`. Gates and states are float32.

// The new output and cell of 16 units: `read` and `told` are what the input and the hidden product give for them.
INLINE void turn(const float* read, const float* told, float* output, float* cell, float* out) {
    Lanes in = sigmoid(load(read) + load(told));
    Lanes keep = sigmoid(load(read + 16) + load(told + 16));
    Lanes candidate = hyperbolic_tangent(load(read + 32) + load(told + 32));
    Lanes give = sigmoid(load(read + 48) + load(told + 48));
    Lanes now = keep * load(cell) + in * candidate;
    Lanes y = give * hyperbolic_tangent(now);
    store(cell, now);
    store(output, y);
    store(out, y);
}

static void lstm(void* given, int member, int members) {
    const LstmJob& job = *static_cast<LstmJob*>(given);
    const LstmCall& call = *job.call;
    const Rows& room = job.room;
    const int n = call.tokens, units = call.units;
    const size_t wide = 4 * static_cast<size_t>(units), state = static_cast<size_t>(call.layers) * 2 * units;
    const Bytes told{room.hidden_bytes, room.hidden_scales, static_cast<size_t>(padded(units, 64))};
    int first, end, from, until;  // of the tokens that this member prepares, and of its blocks of 16 units
    share(n, member, members, &first, &end);
    share(units / 16, member, members, &from, &until);
    auto meet = [&] { job.team->meet(members); };
    for (int l = 0; l < call.layers; l++) {
        const LstmLayer& layer = call.layer[l];
        const Bytes read{room.bytes, room.scales, static_cast<size_t>(padded(layer.input.inputs, 64))};
        const int shift = shift_for(n);
        take_rows(l ? call.out : call.in, layer.input.inputs, room.wide, room.stride, read, first, end, shift);
        meet();
        linear(layer.input, read, n, from * 4, until * 4, {room.gates, wide, NONE, nullptr}, shift);
        int active = call.rows;
        for (int t = 0;; t++) {
            while (active && call.starts[call.order[active - 1] + 1] - call.starts[call.order[active - 1]] <= t) active--;
            if (!active) break;
            const int turned = shift_for(active);
            int some, stop;
            share(active, member, members, &some, &stop);
            for (int k = some; k < stop; k++) {
                const float* output = call.states + call.order[k] * state + static_cast<size_t>(l) * 2 * units;
                quantise(output, units, told.rows + k * told.stride, told.scales + k, static_cast<int>(told.stride), turned);
            }
            meet();
            linear(layer.hidden, told, active, from * 4, until * 4, {room.pre, wide, NONE, nullptr}, turned);
            for (int k = 0; k < active; k++) {
                const int row = call.order[k], token = call.starts[row] + t;
                float* output = call.states + row * state + static_cast<size_t>(l) * 2 * units;
                for (int b = from; b < until; b++)
                    turn(room.gates + token * wide + b * 64, room.pre + k * wide + b * 64, output + b * 16,
                         output + units + b * 16, call.out + static_cast<size_t>(token) * units + b * 16);
            }
            meet();
        }
    }
}
