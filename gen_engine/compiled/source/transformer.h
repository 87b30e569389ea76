// The layers of a GPT-2 or a BERT over new tokens of any rows. Included once per instruction set, after `linear.h`.
//
// Keys and values of a row stand in pages of 16 tokens: for each layer and head the keys [width, 16], then the values
// [16, width], with the width padded to whole lanes. So one register holds a number of the keys of 16 tokens.

INLINE void share(int count, int member, int members, int* first, int* end) {
    *first = static_cast<int>(static_cast<int64_t>(count) * member / members);
    *end = static_cast<int>(static_cast<int64_t>(count) * (member + 1) / members);
}

// `to` and `from` [size], padded with zeros to whole lanes; they may be the same.
INLINE void normalise(const float* from, int size, float epsilon, const Norm& norm, float* to) {
    int whole = size / 16 * 16, rest = size - whole;
    Lanes sum = all(0.0f);
    for (int j = 0; j < size; j += 16) sum = sum + load(from + j);
    Lanes mean = all(folded_sum(sum) / static_cast<float>(size));
    Lanes square = all(0.0f);
    for (int j = 0; j < whole; j += 16) {
        Lanes d = load(from + j) - mean;
        square = square + d * d;
    }
    if (rest) {
        Lanes d = first_lanes(load(from + whole) - mean, rest, 0.0f);
        square = square + d * d;
    }
    float variance = folded_sum(square) / static_cast<float>(size);
    Lanes by = all(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int j = 0; j < size; j += 16) {
        Lanes y = (load(from + j) - mean) * by;
        int left = size - j;
        if (norm.gains) y = y * (left >= 16 ? load(norm.gains + j) : load_first(norm.gains + j, left, 0.0f));
        if (norm.shifts) y = y + (left >= 16 ? load(norm.shifts + j) : load_first(norm.shifts + j, left, 0.0f));
        store(to + j, left >= 16 ? y : first_lanes(y, left, 0.0f));
    }
}

// Writes the keys and values of one token for some heads into its page.
INLINE void keep(const Transformer& model, const float* read, float* page, int layer, int slot, int head) {
    int width = model.size / model.heads, lanes = padded(width, 16);
    float* keys = page + static_cast<size_t>(layer * model.heads + head) * 2 * PAGE * lanes;
    float* values = keys + PAGE * lanes + slot * lanes;
    const float* key = read + model.size + head * width;
    const float* value = read + 2 * model.size + head * width;
    for (int d = 0; d < width; d++) keys[d * PAGE + slot] = key[d];
    for (int d = 0; d < width; d++) values[d] = value[d];
    for (int d = width; d < lanes; d++) values[d] = 0.0f;
}

template <int N>
INLINE void score_pages(float* const* pages, size_t offset, const float* query, int width, float scale, float* scores) {
    Lanes sums[N];
    for (int p = 0; p < N; p++) sums[p] = all(0.0f);
    for (int d = 0; d < width; d++) {
        Lanes q = all(query[d]);
        for (int p = 0; p < N; p++) sums[p] = sums[p] + q * load(pages[p] + offset + d * PAGE);
    }
    for (int p = 0; p < N; p++) store(scores + p * PAGE, sums[p] * all(scale));
}

template <int N>
INLINE void mix(float* const* pages, size_t offset, int lanes, const float* shares, int keys, float by, float* to, int width) {
    Lanes sums[N];
    for (int n = 0; n < N; n++) sums[n] = all(0.0f);
    for (int t = 0; t < keys; t++) {
        const float* value = pages[t / PAGE] + offset + (t % PAGE) * lanes;
        Lanes share = all(shares[t]);
        for (int n = 0; n < N; n++) sums[n] = sums[n] + share * load(value + n * 16);
    }
    for (int n = 0; n < N; n++) {
        int left = width - n * 16;
        if (left >= 16)
            store(to + n * 16, sums[n] * all(by));
        else
            store_first(to + n * 16, sums[n] * all(by), left);
    }
}

// Attention of one token's head over the first `keys` keys of its row.
INLINE void attend(
    const Transformer& model, const float* query, float* const* pages, int layer, int head, int keys, float* scores, float* to
) {
    int width = model.size / model.heads, lanes = padded(width, 16), count = (keys + PAGE - 1) / PAGE;
    size_t offset = static_cast<size_t>(layer * model.heads + head) * 2 * PAGE * lanes;
    float scale = model.scales[layer];
    int p = 0;
    for (; p + 4 <= count; p += 4) score_pages<4>(pages + p, offset, query, width, scale, scores + p * PAGE);
    if (p + 2 <= count) score_pages<2>(pages + p, offset, query, width, scale, scores + p * PAGE), p += 2;
    if (p < count) score_pages<1>(pages + p, offset, query, width, scale, scores + p * PAGE);
    for (int t = keys; t < count * PAGE; t++) scores[t] = -__builtin_inff();
    Lanes most = load(scores);
    for (int t = PAGE; t < count * PAGE; t += PAGE) most = larger(load(scores + t), most);
    Lanes best = all(folded_max(most)), sum = all(0.0f);
    for (int t = 0; t < count * PAGE; t += PAGE) {
        Lanes e = exponential(load(scores + t) - best);
        store(scores + t, e);
        sum = sum + e;
    }
    float by = 1.0f / folded_sum(sum);
    size_t values = offset + PAGE * lanes;
    int n = 0;
    for (; n + 64 <= lanes; n += 64) mix<4>(pages, values + n, lanes, scores, keys, by, to + n, width - n);
    if (n + 32 <= lanes) mix<2>(pages, values + n, lanes, scores, keys, by, to + n, width - n), n += 32;
    if (n < lanes) mix<1>(pages, values + n, lanes, scores, keys, by, to + n, width - n);
}

// Rows [first, end) of `from` as bytes, normalised before if `norm` is given.
INLINE void read_rows(
    const Transformer& model, const float* from, size_t stride, int size, const Norm* norm, float* spare, const Bytes& to,
    int first, int end, int shift
) {
    for (int i = first; i < end; i++) {
        const float* x = from + i * stride;
        if (norm) {
            normalise(x, size, model.epsilon, *norm, spare + i * stride);
            x = spare + i * stride;
        }
        quantise(x, size, to.rows + i * to.stride, to.scales + i, static_cast<int>(to.stride), shift);
    }
}

// The task after `task`, where each member has every `members`-th run of `step` tasks.
INLINE int next(int task, int step, int members) {
    return (task + 1) % step ? task + 1 : task + 1 + (members - 1) * step;
}

static void work(void* given, int member, int members) {
    const Job& job = *static_cast<Job*>(given);
    const Transformer& model = *job.model;
    const Call& call = *job.call;
    const Room& room = *job.room;
    const int n = call.tokens, size = model.size, width = size / model.heads, shift = shift_for(n);
    const Bytes narrow{room.bytes, room.scales, room.byte_size}, wide{room.inner_bytes, room.inner_scales, room.inner_byte_size};
    float* scores = room.scores + member * room.score_size;
    int first, end;  // of the rows that this member prepares
    share(n, member, members, &first, &end);
    auto meet = [&] { job.team->meet(members); };
    auto product = [&](const Linear& layer, const Bytes& x, const Target& to) {
        int from, until;
        share((layer.outputs + 15) / 16, member, members, &from, &until);
        linear(layer, x, n, from, until, to, shift);
    };

    for (int i = first; i < end; i++) {
        float* hidden = room.hidden + i * room.size;
        const float* token = model.tokens + static_cast<size_t>(call.ids[i]) * size;
        const float* place = model.places + static_cast<size_t>(call.places[i]) * size;
        for (int j = 0; j < size; j++) hidden[j] = token[j] + place[j];
        if (!model.norm_first) normalise(hidden, size, model.epsilon, model.embedded, hidden);
    }
    for (int layer = 0; layer < model.layers; layer++) {
        const Block& block = model.blocks[layer];
        const Norm* before = model.norm_first ? &block.norm_1 : nullptr;
        read_rows(model, room.hidden, room.size, size, before, room.normed, narrow, first, end, shift);
        meet();
        product(block.attend, narrow, {room.wide, room.wide_size, NONE, nullptr});
        meet();
        // Where the heads can be shared out evenly, each member writes the keys that it will read.
        bool by_head = model.heads % members == 0;
        int step = by_head ? n : 1;
        for (int task = member * step; task < n * model.heads; task = next(task, step, members)) {
            int head = task / n, i = task % n, at = call.at[i];
            float* const* pages = call.pages + static_cast<size_t>(call.row[i]) * call.most_pages;
            keep(model, room.wide + i * room.wide_size, pages[at / PAGE], layer, at % PAGE, head);
        }
        if (!by_head) meet();
        for (int task = member * step; task < n * model.heads; task = next(task, step, members)) {
            int head = task / n, i = task % n, row = call.row[i];
            int keys = model.left_only ? call.at[i] + 1 : call.lengths[row];
            float* const* pages = call.pages + static_cast<size_t>(row) * call.most_pages;
            const float* query = room.wide + i * room.wide_size + head * width;
            attend(model, query, pages, layer, head, keys, scores, room.normed + i * room.size + head * width);
        }
        meet();
        read_rows(model, room.normed, room.size, size, nullptr, nullptr, narrow, first, end, shift);
        meet();
        product(block.project, narrow, {room.hidden, room.size, NONE, room.hidden});
        meet();
        if (model.norm_first) {
            read_rows(model, room.hidden, room.size, size, &block.norm_2, room.normed, narrow, first, end, shift);
        } else {
            for (int i = first; i < end; i++) {
                float* hidden = room.hidden + i * room.size;
                normalise(hidden, size, model.epsilon, block.norm_1, hidden);
            }
            read_rows(model, room.hidden, room.size, size, nullptr, nullptr, narrow, first, end, shift);
        }
        meet();
        product(block.expand, narrow, {room.inner, room.inner_size, model.activation, nullptr});
        meet();
        read_rows(model, room.inner, room.inner_size, model.inner, nullptr, nullptr, wide, first, end, shift);
        meet();
        product(block.contract, wide, {room.hidden, room.size, NONE, room.hidden});
        meet();
        if (!model.norm_first)
            for (int i = first; i < end; i++) {
                float* hidden = room.hidden + i * room.size;
                normalise(hidden, size, model.epsilon, block.norm_2, hidden);
            }
    }
    meet();
    int some, until;  // of the wanted tokens
    share(call.wanted, member, members, &some, &until);
    int head_shift = shift_for(call.wanted);
    for (int w = some; w < until; w++) {
        const float* x = room.hidden + call.chosen[w] * room.size;
        if (model.norm_first) normalise(x, size, model.epsilon, model.last, room.normed + w * room.size), x = room.normed + w * room.size;
        if (model.head.outputs)
            quantise(x, size, narrow.rows + w * narrow.stride, narrow.scales + w, static_cast<int>(narrow.stride), head_shift);
        else
            for (int j = 0; j < size; j++) call.out[static_cast<size_t>(w) * size + j] = x[j];
    }
    if (!model.head.outputs) return;
    meet();
    int from, stop;
    share((model.head.outputs + 15) / 16, member, members, &from, &stop);
    linear(model.head, narrow, call.wanted, from, stop, {call.out, static_cast<size_t>(model.head.outputs), NONE, nullptr}, head_shift);
}
