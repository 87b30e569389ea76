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

// The phases of a call, for each layer: all inputs are read; what they give for the gates; then for each turn the last
// outputs of the rows that have a token more are read, and their gates turn.
INLINE int turn_of(const LstmCall& call, int number, int* layer) {
    const int phases = 2 + 2 * call.turns;
    *layer = number / phases;
    return number % phases - 2;
}

static int count_lstm(const void* given, int number) {
    const LstmJob& job = *static_cast<const LstmJob*>(given);
    const LstmCall& call = *job.call;
    int layer, turn = turn_of(call, number, &layer);
    if (layer == call.layers) return 0;
    const LstmLayer& weights = call.layer[layer];
    if (turn == -2) return chunks(static_cast<int64_t>(call.tokens) * weights.input.inputs, 1 << 11, call.tokens, job.members);
    const int64_t products = static_cast<int64_t>(4) * call.units * (turn < 0 ? weights.input.inputs : call.units);
    if (turn == -1) return chunks(products * (3 + call.tokens), 1 << 17, call.units / 16, job.members);
    const int active = call.active[turn / 2];
    if (turn % 2 == 0) return chunks(static_cast<int64_t>(active) * call.units, 1 << 11, active, job.members);
    return chunks(products * (3 + active), 1 << 17, call.units / 16, job.members);
}

static void lstm(const void* given, int number, int index) {
    const LstmJob& job = *static_cast<const LstmJob*>(given);
    const LstmCall& call = *job.call;
    const Rows& room = job.room;
    const int units = call.units, of = count_lstm(given, number);
    int layer, first, end;
    const int phase = turn_of(call, number, &layer);
    const LstmLayer& weights = call.layer[layer];
    const size_t wide = 4 * static_cast<size_t>(units), state = static_cast<size_t>(call.layers) * 2 * units;
    const Bytes read{room.bytes, room.scales, static_cast<size_t>(padded(weights.input.inputs, 64))};
    const Bytes told{room.hidden_bytes, room.hidden_scales, static_cast<size_t>(padded(units, 64))};
    const int shift = shift_for(call.tokens);
    if (phase == -2) {
        share(call.tokens, index, of, &first, &end);
        take_rows(layer ? call.out : call.in, weights.input.inputs, room.wide, room.stride, read, first, end, shift);
        return;
    }
    if (phase == -1) {
        share(units / 16, index, of, &first, &end);
        linear(weights.input, read, call.tokens, first * 4, end * 4, {room.gates, wide, NONE, nullptr}, shift);
        return;
    }
    const int now = phase / 2, active = call.active[now], turned = shift_for(active);
    float* states = call.states + static_cast<size_t>(layer) * 2 * units;
    if (phase % 2 == 0) {
        share(active, index, of, &first, &end);
        for (int k = first; k < end; k++)
            quantise(states + call.order[k] * state, units, told.rows + k * told.stride, told.scales + k,
                     static_cast<int>(told.stride), turned);
        return;
    }
    share(units / 16, index, of, &first, &end);
    linear(weights.hidden, told, active, first * 4, end * 4, {room.pre, wide, NONE, nullptr}, turned);
    for (int k = 0; k < active; k++) {
        const int row = call.order[k], token = call.starts[row] + now;
        float* output = states + row * state;
        for (int b = first; b < end; b++)
            turn(room.gates + token * wide + b * 64, room.pre + k * wide + b * 64, output + b * 16, output + units + b * 16,
                 call.out + static_cast<size_t>(token) * units + b * 16);
    }
}
