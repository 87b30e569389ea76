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

// The wanted rows [first, end) after the last layer: as bytes for the head, or as they are.
INLINE void finish_rows(const Job& job, int first, int end) {
    const Transformer& model = *job.model;
    const Call& call = *job.call;
    const Room& room = *job.room;
    const int size = model.size, shift = shift_for(call.wanted);
    for (int w = first; w < end; w++) {
        const float* x = room.hidden + call.chosen[w] * room.size;
        float* normed = room.normed + w * room.size;
        if (model.norm_first)
            normalise(x, size, model.epsilon, model.last, normed), x = normed;
        else if (model.layers)
            normalise(x, size, model.epsilon, model.blocks[model.layers - 1].norm_2, normed), x = normed;
        if (model.head.outputs)
            quantise(x, size, room.bytes + w * room.byte_size, room.scales + w, static_cast<int>(room.byte_size), shift);
        else
            for (int j = 0; j < size; j++) call.out[static_cast<size_t>(w) * size + j] = x[j];
    }
}

// The phases of one call. Each is shared out among the threads in chunks.
enum Phase { EMBED, READ, ATTEND, KEEP, MIX, READ_MIXED, PROJECT, READ_AGAIN, EXPAND, READ_INNER, CONTRACT, PHASES };

// How many chunks for so much work; `least` of it is worth a chunk.
INLINE int chunks(int64_t work, int64_t least, int most, int members) {
    int64_t count = work / least < most ? work / least : most;
    if (count > 4 * members) count = 4 * members;
    return count < 1 ? 1 : static_cast<int>(count);
}

INLINE int phase_of(int number, int* layer) {
    // EMBED comes once, then the others for each layer, then READ and the head.
    if (number == 0) return EMBED;
    *layer = (number - 1) / (PHASES - 1);
    return 1 + (number - 1) % (PHASES - 1);
}

INLINE int product_chunks(const Linear& layer, int rows, int members) {
    int blocks = (layer.outputs + 15) / 16;
    return chunks(static_cast<int64_t>(layer.outputs) * layer.inputs * (3 + rows), 1 << 17, blocks, members);
}

static int count(const void* given, int number) {
    const Job& job = *static_cast<const Job*>(given);
    const Transformer& model = *job.model;
    const int n = job.call->tokens, members = job.members;
    int layer = 0, phase = phase_of(number, &layer);
    if (layer == model.layers) {
        if (phase == READ) return chunks(static_cast<int64_t>(job.call->wanted) * model.size, 1 << 11, job.call->wanted, members);
        if (phase == ATTEND && model.head.outputs) return product_chunks(model.head, job.call->wanted, members);
        return 0;
    }
    const Block& block = model.blocks[layer];
    switch (phase) {
        case ATTEND: return product_chunks(block.attend, n, members);
        case KEEP: return job.alone ? 1 : chunks(static_cast<int64_t>(n) * model.size, 1 << 12, model.heads, members);
        case MIX: {
            int64_t work = 0;
            for (int i = 0; i < n; i++) work += static_cast<int64_t>(job.call->at[i] + 16) * model.size;
            return chunks(work, 1 << 14, n * model.heads, members);
        }
        case PROJECT: return product_chunks(block.project, n, members);
        case EXPAND: return product_chunks(block.expand, n, members);
        case CONTRACT: return product_chunks(block.contract, n, members);
        case READ_INNER: return chunks(static_cast<int64_t>(n) * model.inner, 1 << 13, n, members);
        default: return chunks(static_cast<int64_t>(n) * model.size, 1 << 11, n, members);
    }
}

// The scores of the keys of one token's head; each thread has its own, and keeps them from call to call.
struct Scores {
    float* held = nullptr;
    size_t size = 0;
    ~Scores() { free(held); }
};

INLINE float* scores_for(size_t keys) {
    static thread_local Scores scores;
    if (keys > scores.size) {
        free(scores.held);
        scores.size = (keys + 1023) / 1024 * 1024;
        if (posix_memalign(reinterpret_cast<void**>(&scores.held), 64, 4 * scores.size)) abort();  // a few KiB
    }
    return scores.held;
}

INLINE void write_key(const Job& job, int layer, int i, int head) {
    const Call& call = *job.call;
    int at = call.at[i];
    float* const* pages = call.pages + static_cast<size_t>(call.row[i]) * call.most_pages;
    keep(*job.model, job.room->wide + i * job.room->wide_size, pages[at / PAGE], layer, at % PAGE, head);
}

static void chunk(const void* given, int number, int index) {
    const Job& job = *static_cast<const Job*>(given);
    const Transformer& model = *job.model;
    const Call& call = *job.call;
    const Room& room = *job.room;
    const int n = call.tokens, size = model.size, width = size / model.heads, shift = shift_for(n);
    const Bytes narrow{room.bytes, room.scales, room.byte_size};
    const Bytes wide{room.inner_bytes, room.inner_scales, room.inner_byte_size};
    const int of = count(given, number);
    int layer = 0, phase = phase_of(number, &layer), first, end;
    const bool last = layer == model.layers;
    auto product = [&](const Linear& weights, const Bytes& x, int rows, const Target& to, int by) {
        share((weights.outputs + 15) / 16, index, of, &first, &end);
        linear(weights, x, rows, first, end, to, by);
    };
    auto rows = [&](int all) { share(all, index, of, &first, &end); };
    const Block& block = model.blocks[last ? 0 : layer];

    switch (phase) {
        case EMBED:
            rows(n);
            for (int i = first; i < end; i++) {
                float* hidden = room.hidden + i * room.size;
                const float* token = model.tokens + static_cast<size_t>(call.ids[i]) * size;
                const float* place = model.places + static_cast<size_t>(call.places[i]) * size;
                for (int j = 0; j < size; j++) hidden[j] = token[j] + place[j];
                if (!model.norm_first) normalise(hidden, size, model.epsilon, model.embedded, hidden);
            }
            break;
        case READ:
            rows(last ? call.wanted : n);
            if (last) return finish_rows(job, first, end);
            if (!model.norm_first && layer)
                for (int i = first; i < end; i++) {
                    float* hidden = room.hidden + i * room.size;
                    normalise(hidden, size, model.epsilon, model.blocks[layer - 1].norm_2, hidden);
                }
            read_rows(model, room.hidden, room.size, size, model.norm_first ? &block.norm_1 : nullptr, room.normed, narrow,
                      first, end, shift);
            break;
        case ATTEND:
            if (last)
                product(model.head, narrow, call.wanted, {call.out, static_cast<size_t>(model.head.outputs), NONE, nullptr},
                        shift_for(call.wanted));
            else
                product(block.attend, narrow, n, {room.wide, room.wide_size, NONE, nullptr}, shift);
            break;
        case KEEP:  // where rows have one new token each, its key is written when it is read
            if (job.alone) break;
            share(model.heads, index, of, &first, &end);
            for (int head = first; head < end; head++)
                for (int i = 0; i < n; i++) write_key(job, layer, i, head);
            break;
        case MIX: {
            share(n * model.heads, index, of, &first, &end);
            for (int task = first; task < end; task++) {
                int i = task / model.heads, head = task % model.heads, row = call.row[i];
                if (job.alone) write_key(job, layer, i, head);
                int keys = model.left_only ? call.at[i] + 1 : call.lengths[row];
                float* const* pages = call.pages + static_cast<size_t>(row) * call.most_pages;
                const float* query = room.wide + i * room.wide_size + head * width;
                float* to = room.normed + i * room.size + head * width;
                attend(model, query, pages, layer, head, keys, scores_for(padded(keys, 16)), to);
            }
            break;
        }
        case READ_MIXED:
            rows(n);
            read_rows(model, room.normed, room.size, size, nullptr, nullptr, narrow, first, end, shift);
            break;
        case PROJECT: product(block.project, narrow, n, {room.hidden, room.size, NONE, room.hidden}, shift); break;
        case READ_AGAIN:
            rows(n);
            if (!model.norm_first)
                for (int i = first; i < end; i++) {
                    float* hidden = room.hidden + i * room.size;
                    normalise(hidden, size, model.epsilon, block.norm_1, hidden);
                }
            read_rows(model, room.hidden, room.size, size, model.norm_first ? &block.norm_2 : nullptr, room.normed, narrow,
                      first, end, shift);
            break;
        case EXPAND: product(block.expand, narrow, n, {room.inner, room.inner_size, model.activation, nullptr}, shift); break;
        case READ_INNER:
            rows(n);
            read_rows(model, room.inner, room.inner_size, model.inner, nullptr, nullptr, wide, first, end, shift);
            break;
        case CONTRACT: product(block.contract, wide, n, {room.hidden, room.size, NONE, room.hidden}, shift); break;
    }
}
