// Linear layers of float32 rows. An output is one chain of fused multiply-adds: it begins with the bias, and takes the
// inputs in order. So its bits depend neither on the number of rows, nor on the kernel, nor on how the work is cut up.
// Included once per instruction set, after `transformer.h`.
#if LANES_AT_ONCE > 4 || defined(__aarch64__)

constexpr bool HAS_FLOATS = true;
constexpr int WIDE = 2 * LANES_AT_ONCE;                  // outputs of a block
constexpr int MOST_OF_TILE = LANES_AT_ONCE == 8 ? 6 : 12;  // rows at once: what the registers hold
constexpr int ROWS_AT_ONCE = 96, INPUTS_AT_ONCE = 512;   // what the caches hold

INLINE NativeFloat fused(NativeFloat a, NativeFloat b, NativeFloat c) {
#if LANES_AT_ONCE == 16
    return (NativeFloat)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif LANES_AT_ONCE == 8
    return (NativeFloat)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return (NativeFloat)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
}

INLINE size_t number_size(const FloatLinear& layer) { return layer.halved ? 2 : 4; }
INLINE size_t block_size(const FloatLinear& layer) { return number_size(layer) * layer.inputs * WIDE; }

// The weights of one input for the outputs of a block: the first lanes, and the others.
template <bool HALVED>
INLINE void weights_of(const char* from, NativeFloat* first, NativeFloat* other) {
    if (HALVED) {
        NativeInt pairs;
        __builtin_memcpy(&pairs, from, sizeof pairs);
        *first = (NativeFloat)(pairs << 16);
        *other = (NativeFloat)(pairs & static_cast<int32_t>(0xffff0000));
    } else {
        __builtin_memcpy(first, from, sizeof *first);
        __builtin_memcpy(other, from + sizeof *first, sizeof *other);
    }
}

// R rows by B blocks, `inputs` further links of each chain. `sums` [B, .., WIDE], whose blocks are `gap` numbers apart.
template <int R, int B, bool HALVED>
static __attribute__((noinline)) void extend(const char* w, size_t block, const float* x, size_t stride, int inputs, float* sums, size_t gap) {
    constexpr size_t STEP = WIDE * (HALVED ? 2 : 4);
    NativeFloat s[R][B][2];
    UNROLLED for (int r = 0; r < R; r++)
        UNROLLED for (int b = 0; b < B; b++) __builtin_memcpy(s[r][b], sums + b * gap + r * WIDE, sizeof s[r][b]);
    for (int k = 0; k < inputs; k++, w += STEP) {
        UNROLLED for (int b = 0; b < B; b++) {
            NativeFloat first, other;
            weights_of<HALVED>(w + b * block, &first, &other);
            UNROLLED for (int r = 0; r < R; r++) {
                NativeFloat v = x[r * stride + k] - NativeFloat{};
                s[r][b][0] = fused(first, v, s[r][b][0]);
                s[r][b][1] = fused(other, v, s[r][b][1]);
            }
        }
    }
    UNROLLED for (int r = 0; r < R; r++)
        UNROLLED for (int b = 0; b < B; b++) __builtin_memcpy(sums + b * gap + r * WIDE, s[r][b], sizeof s[r][b]);
}

template <int R, bool HALVED>
INLINE void extend_rows(int rows, const char* w, const float* x, size_t stride, int inputs, float* sums) {
    if (rows == R) return extend<R, 1, HALVED>(w, 0, x, stride, inputs, sums, 0);
    if constexpr (R > 1) extend_rows<R - 1, HALVED>(rows, w, x, stride, inputs, sums);
}

// The outputs of blocks [block, block + B) for some rows, in which `sums` has room for ROWS_AT_ONCE rows of a block.
template <int B, bool HALVED>
INLINE void multiply_blocks(const FloatsCall& call, int block, int row, int rows, float* sums) {
    const FloatLinear& layer = *call.layer;
    const size_t size = block_size(layer), gap = static_cast<size_t>(rows) * WIDE, inputs = layer.inputs;
    const char* w = static_cast<const char*>(layer.weights) + block * size;
    const float* x = call.in + row * inputs;
    for (int b = 0; b < B; b++)
        for (int r = 0; r < rows; r++) {
            float* to = sums + b * gap + r * WIDE;
            if (layer.biases) __builtin_memcpy(to, layer.biases + (block + b) * WIDE, sizeof(float) * WIDE);
            else __builtin_memset(to, 0, sizeof(float) * WIDE);
        }
    if constexpr (B == 4) extend<1, B, HALVED>(w, size, x, inputs, layer.inputs, sums, gap);
    else if constexpr (B == 2) {
        if (rows == 1) extend<1, B, HALVED>(w, size, x, inputs, layer.inputs, sums, gap);
        else if (rows == 2) extend<2, B, HALVED>(w, size, x, inputs, layer.inputs, sums, gap);
        else extend<3, B, HALVED>(w, size, x, inputs, layer.inputs, sums, gap);
    } else {
        const int tiles = (rows + MOST_OF_TILE - 1) / MOST_OF_TILE;
        for (int k = 0; k < layer.inputs; k += INPUTS_AT_ONCE) {
            const int some = layer.inputs - k < INPUTS_AT_ONCE ? layer.inputs - k : INPUTS_AT_ONCE;
            for (int i = 0; i < tiles; i++) {
                int from, end;
                share(rows, i, tiles, &from, &end);
                extend_rows<MOST_OF_TILE, HALVED>(end - from, w + k * (size / inputs), x + from * inputs + k, inputs, some, sums + from * WIDE);
            }
        }
    }
    for (int b = 0; b < B; b++) {
        const int left = layer.outputs - (block + b) * WIDE;
        for (int r = 0; r < rows; r++)
            __builtin_memcpy(call.out + static_cast<size_t>(row + r) * layer.outputs + (block + b) * WIDE, sums + b * gap + r * WIDE,
                             sizeof(float) * (left < WIDE ? left : WIDE));
    }
}

template <bool HALVED>
INLINE void multiply_share(const FloatsCall& call, int first, int end) {
    alignas(64) float sums[ROWS_AT_ONCE * WIDE];
    for (int row = 0; row < call.rows; row += ROWS_AT_ONCE) {
        const int rows = call.rows - row < ROWS_AT_ONCE ? call.rows - row : ROWS_AT_ONCE;
        int block = first;
        if (rows == 1)
            for (; block + 4 <= end; block += 4) multiply_blocks<4, HALVED>(call, block, row, rows, sums);
        if (rows <= 3)
            for (; block + 2 <= end; block += 2) multiply_blocks<2, HALVED>(call, block, row, rows, sums);
        for (; block < end; block++) multiply_blocks<1, HALVED>(call, block, row, rows, sums);
    }
}

// The blocks of a share: whole groups of up to four where there are many.
INLINE void share_blocks(const FloatsCall& call, int index, int* first, int* end) {
    const int blocks = (call.layer->outputs + WIDE - 1) / WIDE;
    const int group = blocks >= 4 * call.shares ? 4 : blocks >= 2 * call.shares ? 2 : 1;
    share((blocks + group - 1) / group, index, call.shares, first, end);
    *first *= group, *end = *end * group < blocks ? *end * group : blocks;
}

// Share `index` of `call.shares` of a layer's outputs, for all rows.
static void multiply_floats(const FloatsCall& call, int index) {
    int first, end;
    share_blocks(call, index, &first, &end);
    call.layer->halved ? multiply_share<true>(call, first, end) : multiply_share<false>(call, first, end);
}

// The same share of the weights [outputs, inputs] at `call.in`, in the order in which they are read. Of two bfloat16 in
// 32 bits the lower is the weight of an output in the first half of its block.
static void pack_floats(const FloatsCall& call, int index) {
    const FloatLinear& layer = *call.layer;
    const int inputs = layer.inputs;
    int first, end;
    share_blocks(call, index, &first, &end);
    for (int block = first; block < end; block++) {
        char* to = reinterpret_cast<char*>(call.out) + block * block_size(layer);
        for (int n = 0; n < WIDE; n++) {
            const int output = block * WIDE + n;
            const char* from = reinterpret_cast<const char*>(call.in + static_cast<size_t>(output) * inputs);
            const int place = layer.halved ? n % LANES_AT_ONCE * 4 + n / LANES_AT_ONCE * 2 : n * 4;
            const int size = static_cast<int>(number_size(layer));
            for (int k = 0; k < inputs; k++) {
                char* there = to + static_cast<size_t>(k) * WIDE * size + place;
                if (output >= layer.outputs) __builtin_memset(there, 0, size);
                else if (layer.halved) __builtin_memcpy(there, from + k * 4 + 2, 2);  // little-endian: the upper half
                else __builtin_memcpy(there, from + k * 4, 4);
            }
        }
    }
}
#else
constexpr bool HAS_FLOATS = false;  // no fused products
static void multiply_floats(const FloatsCall&, int) {}
static void pack_floats(const FloatsCall&, int) {}
#endif
