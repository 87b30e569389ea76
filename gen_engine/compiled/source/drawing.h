// One draw for each row: mask, shapers in the order given, and the inverse of the cumulative distribution. Included once
// per instruction set, after `lanes.h`. `drawing.py` says what is computed, and has the same in numpy.
//
// A row is dense (a number for each token, -inf where it may not follow) until a shaper leaves few tokens; then it is a
// list of ids and numbers. Sums go by the tokens' ids in both forms, so the form changes no bit: adding 0 changes none.

typedef float HalfFloat __attribute__((vector_size(LANES_AT_ONCE * 2)));
typedef double NativeDouble __attribute__((vector_size(LANES_AT_ONCE * 4)));

constexpr float NOTHING = -__builtin_inff();

// Running sums of 16 lanes in float64.
struct Sums {
    NativeDouble part[2 * PARTS];
};
INLINE Sums no_sums() {
    Sums s;
    EACH_PART s.part[2 * i] = s.part[2 * i + 1] = NativeDouble{};
    return s;
}
INLINE void add(Sums& s, const Lanes& x) {
    EACH_PART {
        HalfFloat half[2];
        __builtin_memcpy(half, &x.part[i], sizeof half);
        s.part[2 * i] = s.part[2 * i] + __builtin_convertvector(half[0], NativeDouble);
        s.part[2 * i + 1] = s.part[2 * i + 1] + __builtin_convertvector(half[1], NativeDouble);
    }
}
INLINE double folded(const double* given) {
    double x[16];
    for (int j = 0; j < 16; j++) x[j] = given[j];
    for (int half = 8; half; half /= 2)
        for (int j = 0; j < half; j++) x[j] = x[j] + x[j + half];
    return x[0];
}
INLINE double folded(const Sums& s) {
    double x[16];
    __builtin_memcpy(x, &s, sizeof x);
    return folded(x);
}

INLINE bool any(const Ints& a) {
    int32_t x[16], found = 0;
    __builtin_memcpy(x, &a, sizeof x);
    for (int j = 0; j < 16; j++) found |= x[j];
    return found != 0;
}
INLINE Ints none() {
    Ints x;
    EACH_PART x.part[i] = NativeInt{};
    return x;
}
INLINE void mark_no_numbers(Ints& marks, const Lanes& x) { EACH_PART marks.part[i] |= x.part[i] != x.part[i]; }
INLINE void mark_from(Ints& marks, const Lanes& x, const Lanes& edge) { EACH_PART marks.part[i] |= x.part[i] >= edge.part[i]; }
// x where the byte is 1, else -inf.
INLINE Lanes allowed_lanes(const Lanes& x, const uint8_t* bytes) {
    typedef int8_t NativeBytes __attribute__((vector_size(LANES_AT_ONCE)));
    typedef int16_t NativeShorts __attribute__((vector_size(LANES_AT_ONCE * 2)));
    Lanes y;
    EACH_PART {
        NativeBytes b;
        __builtin_memcpy(&b, bytes + i * LANES_AT_ONCE, sizeof b);
        // Widened in two steps: compilers take the one big step byte by byte.
        NativeInt mask = __builtin_convertvector(__builtin_convertvector(b, NativeShorts), NativeInt);
        y.part[i] = mask != 0 ? x.part[i] : NOTHING - NativeFloat{};
    }
    return y;
}

// A row while it is shaped. `few` < 0: it is dense.
struct Shaped {
    const Drawing& job;
    Scratch& room;
    int size, lanes, few = -1;

    int count() const { return few < 0 ? lanes : padded(few, 16); }
    float* values() { return few < 0 ? room.dense : room.values; }
    float most() {
        Lanes found = all(NOTHING);
        const float* x = values();
        const int end = count();
        for (int j = 0; j < end; j += 16) found = larger(load(x + j), found);
        return folded_max(found);
    }
    float* at(int token) {
        if (few < 0) return room.dense + token;
        const int32_t* end = room.ids + few;
        const int32_t* place = std::lower_bound(static_cast<const int32_t*>(room.ids), end, token);
        return place < end && *place == token ? room.values + (place - room.ids) : nullptr;
    }
};

// The row as the model gave it, masked; its own maximum and sum, too. False if an allowed logit is no number.
static bool begin(Shaped& row, int r) {
    const Drawing& job = row.job;
    const float* x = job.logits[r];
    const uint8_t* mask = job.masks ? job.masks[r] : nullptr;
    int whole = row.size / 16 * 16, rest = row.size - whole;
    uint8_t last[16] = {};
    Lanes most = all(NOTHING);
    Ints wrong = none();
    float* dense = row.room.dense;
    auto take = [&](const Lanes& own, const uint8_t* bytes, int j) {
        most = larger(own, most);
        mark_no_numbers(wrong, own);
        store(dense + j, mask ? allowed_lanes(own, bytes) : own);
    };
    for (int j = 0; j < whole; j += 16) take(load(x + j), mask ? mask + j : nullptr, j);
    if (rest) {
        if (mask) __builtin_memcpy(last, mask + whole, rest);
        take(load_first(x + whole, rest, NOTHING), last, whole);
    }
    if (job.sums) {
        float best = folded_max(most);
        double total = __builtin_nan("");
        if (!any(wrong) && __builtin_isfinite(best)) {
            Lanes by = all(best);
            total = 0.0;
            for (int first = 0; first < row.size; first += SUMMED) {
                Sums sums = no_sums();
                const int end = first + SUMMED < whole ? first + SUMMED : whole;
                for (int j = first; j < end; j += 16) add(sums, exponential(load(x + j) - by));
                if (rest && first + SUMMED > whole) add(sums, exponential(load_first(x + whole, rest, NOTHING) - by));
                total = total + folded(sums);
            }
        }
        job.largest[r] = best, job.sums[r] = total;
    }
    bool sound = true;
    if (any(wrong))  // which is rare
        for (int j = 0; j < row.size; j++) sound = sound && dense[j] == dense[j];
    if (job.minus_starts)
        for (int i = job.minus_starts[r]; i < job.minus_starts[r + 1]; i++) dense[job.minus[i]] = NOTHING;
    if (job.plus_starts)
        for (int i = job.plus_starts[r]; i < job.plus_starts[r + 1]; i++) {
            float own = x[job.plus[i]];
            dense[job.plus[i]] = own;
            sound = sound && own == own;
        }
    return sound;
}

// The tokens from `edge` on as a list; false if they are more than a share of all, and the row stays as it is.
static bool gather(Shaped& row, float edge) {
    int most = row.size / 4, found = 0;
    Scratch& room = row.room;
    Lanes by = all(edge);
    for (int first = 0; first < row.lanes; first += 64) {
        Ints marks = none();
        int end = first + 64 < row.lanes ? first + 64 : row.lanes;
        for (int j = first; j < end; j += 16) mark_from(marks, load(room.dense + j), by);
        if (!any(marks)) continue;
        if (found + 64 > most) return false;
        for (int j = first; j < end; j++) {
            room.ids[found] = j, room.values[found] = room.dense[j];
            found += room.dense[j] >= edge;
        }
    }
    row.few = found;
    for (int j = found; j < padded(found, 16); j++) room.values[j] = NOTHING;
    return true;
}

// Keep tokens from `edge` on, and of those that tie with it only the ones up to the id `last`.
static void cut(Shaped& row, float edge, int last) {
    if (edge == NOTHING) return;
    Scratch& room = row.room;
    if (row.few < 0 && !gather(row, edge)) {
        for (int j = 0; j < row.lanes; j++) {
            float x = room.dense[j];
            room.dense[j] = x > edge || (x == edge && j <= last) ? x : NOTHING;
        }
        return;
    }
    int left = 0;
    for (int i = 0; i < row.few; i++) {
        float x = room.values[i];
        int32_t id = room.ids[i];
        room.ids[left] = id, room.values[left] = x;
        left += x > edge || (x == edge && id <= last);
    }
    row.few = left;
    for (int j = left; j < padded(left, 16); j++) room.values[j] = NOTHING;
}

static float kth(float* values, int count, int k) {
    std::nth_element(values, values + (k - 1), values + count, std::greater<float>());
    return values[k - 1];
}

// The k-th largest number of a row, -inf if it has fewer.
static float kth_largest(Shaped& row, int k) {
    Scratch& room = row.room;
    // The k-th largest of the maxima of groups of tokens is a bound below it.
    int steps = row.lanes / 16, each = static_cast<int>(row.size / (static_cast<int64_t>(k) * 8)), count = 0;
    if (row.few < 0 && each >= 2) {
        for (int first = 0; first < steps; first += each, count += 16) {
            Lanes most = all(NOTHING);
            for (int s = first; s < first + each && s < steps; s++) most = larger(load(room.dense + s * 16), most);
            store(room.spare + count, most);
        }
        if (count >= k) {
            float bound = kth(room.spare, count, k);
            if (bound > NOTHING) gather(row, bound);
        }
    }
    count = 0;
    const float* x = row.values();
    for (int j = 0; j < row.count(); j++) {
        room.spare[count] = x[j];
        count += x[j] > NOTHING;
    }
    return count < k ? NOTHING : kth(room.spare, count, k);
}

// The sum of e^(x - most) over a row; `shares` are its parts and `blocks` its sums over `SUMMED` tokens each.
static double add_up(Shaped& row, float most, double* blocks, float* shares) {
    Lanes by = all(most);
    double total = 0.0;
    if (row.few < 0) {
        const float* dense = row.room.dense;
        const int lanes = row.lanes;
        for (int first = 0, b = 0; first < lanes; first += SUMMED, b++) {
            Sums sums = no_sums();
            const int end = first + SUMMED < lanes ? first + SUMMED : lanes;
            for (int j = first; j < end; j += 16) {
                Lanes e = exponential(load(dense + j) - by);
                store(shares + j, e);
                add(sums, e);
            }
            blocks[b] = folded(sums);
            total = total + blocks[b];
        }
        return total;
    }
    for (int j = 0; j < row.count(); j += 16) store(shares + j, exponential(load(row.room.values + j) - by));
    for (int i = 0, b = 0; b * SUMMED < row.size; b++) {
        blocks[b] = 0.0;
        if (i < row.few && row.room.ids[i] < (b + 1) * SUMMED) {
            double sums[16] = {};
            for (; i < row.few && row.room.ids[i] < (b + 1) * SUMMED; i++)
                sums[row.room.ids[i] % 16] = sums[row.room.ids[i] % 16] + static_cast<double>(shares[i]);
            blocks[b] = folded(sums);
        }
        total = total + blocks[b];
    }
    return total;
}

// The token at which the running sum of the shares passes the place `u` of their total.
static int invert(Shaped& row, const double* blocks, const float* shares, double total, double u) {
    double wanted = u * total, sum = 0.0;
    if (!(wanted < total)) wanted = __builtin_nextafter(total, 0.0);  // it would lie behind every token
    if (!(wanted >= 0.0)) wanted = 0.0;
    int b = 0, count = (row.size + SUMMED - 1) / SUMMED;
    while (b < count - 1 && !(sum + blocks[b] > wanted)) sum = sum + blocks[b++];
    double rest = wanted - sum, inner = 0.0;
    int last = -1, end = (b + 1) * SUMMED < row.size ? (b + 1) * SUMMED : row.size;
    const int32_t* ids = row.room.ids;
    int i = row.few < 0 ? b * SUMMED : static_cast<int>(std::lower_bound(ids, ids + row.few, b * SUMMED) - ids);
    for (; row.few < 0 ? i < end : i < row.few && ids[i] < end; i++) {
        inner = inner + static_cast<double>(shares[i]);
        if (shares[i] > 0.0f) last = row.few < 0 ? i : ids[i];
        if (inner > rest) break;
    }
    return last;
}

// Keep the smallest set of likeliest tokens whose shares come to `mass`; of ties the lowest ids.
static void keep_mass(Shaped& row, float most, double mass) {
    Scratch& room = row.room;
    double target = mass * add_up(row, most, room.blocks, room.spare), sum = 0.0;
    const float* x = row.values();
    int count = row.count();
    for (int i = 0; i < 4 * STEPS; i++) room.steps[i] = 0.0;
    Lanes by = all(most), many = all(static_cast<float>(STEPS - 1)), width = all(static_cast<float>(STEPS_A_NAT));
    for (int j = 0; j < count; j += 16) {
        Lanes below = (by - load(x + j)) * width;
        EACH_PART below.part[i] = below.part[i] < many.part[i] ? below.part[i] : many.part[i];
        Ints steps = to_int(below);
        __builtin_memcpy(room.of_step + j, &steps, sizeof steps);
    }
    for (int j = 0; j < count; j++) {
        int lane = (row.few < 0 ? j : room.ids[j < row.few ? j : 0]) % 4;
        double* to = room.steps + 4 * room.of_step[j] + lane;
        *to = *to + static_cast<double>(room.spare[j]);
    }
    int step = 0;
    for (; step < STEPS; step++) {
        const double* own = room.steps + 4 * step;
        double here = (own[0] + own[1]) + (own[2] + own[3]);
        if (sum + here >= target) break;
        sum = sum + here;
    }
    if (step == STEPS) return;
    int found = 0;
    for (int j = 0; j < count; j++) {
        if (room.of_step[j] != step || !(x[j] > NOTHING)) continue;
        room.ranked[found++] = Ranked{x[j], row.few < 0 ? j : room.ids[j], room.spare[j]};
    }
    std::sort(room.ranked, room.ranked + found, Likelier());
    for (int i = 0; i < found; i++) {
        sum = sum + static_cast<double>(room.ranked[i].share);
        if (sum >= target) return cut(row, room.ranked[i].value, room.ranked[i].id);
    }
    if (found) cut(row, room.ranked[found - 1].value, room.ranked[found - 1].id);
}

static void edit(Shaped& row, const Operation& what, int r) {
    int first = what.starts[r], end = what.starts[r + 1];
    float value = what.value;
    for (int i = first; i < end; i++) {
        float* x = row.at(what.ids[i]);
        if (!x) continue;
        float old = *x;
        if (what.kind == REMOVE)
            row.room.spare[i - first] = old, *x = NOTHING;
        else if (what.kind == SCALE)
            *x = old < 0.0f ? old * value : old / value;
        else
            *x = old + what.amounts[i];
    }
    if (what.kind != REMOVE || row.most() > NOTHING) return;
    for (int i = first; i < end; i++)  // nothing would be left
        if (float* x = row.at(what.ids[i])) *x = row.room.spare[i - first];
}

// False if the row has no finite maximum where a maximum is needed.
static bool shape(Shaped& row, const Operation& what, int r) {
    if (what.kind == DIVIDE) {
        float* x = row.values();
        const int end = row.count();
        const Lanes by = all(what.value);
        for (int j = 0; j < end; j += 16) store(x + j, load(x + j) / by);
        return true;
    }
    if (what.kind >= REMOVE) return edit(row, what, r), true;
    float most = row.most();
    if (!__builtin_isfinite(most)) return false;
    if (what.kind == LARGEST && what.count < row.size)
        cut(row, kth_largest(row, what.count), row.size);
    else if (what.kind == ABOVE)
        cut(row, most + what.value, row.size);
    else if (what.kind == MASS)
        keep_mass(row, most, what.mass);
    return true;
}

static void give(Shaped& row, int r, float most) {
    const Drawing& job = row.job;
    const float* x = row.values();
    int count = row.few < 0 ? row.size : row.few, found = 0;
    if (job.counts) {
        int32_t* kept = job.kept + static_cast<size_t>(r) * job.most_kept;
        for (int j = 0; j < count; j++) {
            if (!(x[j] > NOTHING)) continue;
            if (found < job.most_kept) kept[found] = row.few < 0 ? j : row.room.ids[j];
            found++;
        }
        job.counts[r] = found;
    }
    if (job.shaped) {
        float* to = job.shaped + static_cast<size_t>(r) * row.size;
        for (int j = 0; j < row.size; j++) to[j] = row.few < 0 ? x[j] : NOTHING;
        for (int i = 0; i < row.few; i++) to[row.room.ids[i]] = x[i];
    }
    if (!job.tokens) return;
    if (job.places[r] == job.places[r]) {
        double total = add_up(row, most, row.room.blocks, row.room.spare);
        job.tokens[r] = invert(row, row.room.blocks, row.room.spare, total, job.places[r]);
        return;
    }
    for (int j = 0; j < count; j++)
        if (x[j] == most) {
            job.tokens[r] = row.few < 0 ? j : row.room.ids[j];
            return;
        }
}

static void draw(const void* given, int, int part) {
    const Drawing& job = *static_cast<const Drawing*>(given);
    Scratch& room = scratch(job.size);
    for (int r = part; r < job.rows; r += job.parts) {
        if (!room.is_made()) {
            __atomic_store_n(job.failed, 1, __ATOMIC_RELAXED);
            return;
        }
        Shaped row{job, room, job.size, padded(job.size, 16)};
        bool sound = begin(row, r);
        if (!job.tokens && !job.shaped && !job.counts) continue;
        for (int i = 0; sound && i < job.operations; i++) sound = shape(row, job.operation[i], r);
        float most = sound ? row.most() : NOTHING;
        if (__builtin_isfinite(most)) {
            give(row, r, most);
            continue;
        }
        if (job.tokens) job.tokens[r] = -1;
        if (job.counts) job.counts[r] = 0;
    }
}
