// Exact sums of products with AVX-512 VNNI, which multiplies unsigned by signed bytes: activations are shifted by 128,
// and 128 times the sum of the weights is taken off again. Not inlined: the work after it would crowd out its registers.
#define HAS_ONE
constexpr int SHIFT = 128, MOST_ROWS = 12;

// Loops are written out, and the instruction, since GCC 12 moves sums to memory and back otherwise.
#define FOR_ROWS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define FOR_BLOCKS(DO, r) DO(r, 0) DO(r, 1) DO(r, 2) DO(r, 3)

template <int R, int C>
static __attribute__((noinline)) void dots(const Linear& layer, const int8_t* x, size_t stride, int block, Ints (*sums)[C]) {
    int inputs = (layer.inputs + 63) / 64 * 64;
    size_t step = static_cast<size_t>(inputs) * 16;
    const int8_t* w = layer.tiles + static_cast<size_t>(block) * step;
#define ZERO(r, c) __m512i s##r##_##c = _mm512_setzero_si512();
#define ZERO_ROW(r) FOR_BLOCKS(ZERO, r)
    FOR_ROWS(ZERO_ROW)
    __m512i v0, v1, v2, v3;
    for (int q = 0; q < inputs; q += 4, w += 64) {
#define WEIGHTS(r, c)                                               \
    if (c < C) {                                                    \
        v##c = _mm512_loadu_si512(w + c * step);                    \
        if (R <= 4) _mm_prefetch(w + c * step + 2048, _MM_HINT_T0); \
    }
        FOR_BLOCKS(WEIGHTS, 0)
#define ADD(r, c) \
    if (c < C) __asm__("vpdpbusd %2, %1, %0" : "+v"(s##r##_##c) : "v"(four), "v"(v##c));
#define ADD_ROW(r)                                                 \
    if (r < R) {                                                   \
        int32_t bytes;                                             \
        __builtin_memcpy(&bytes, x + r * stride + q, 4);           \
        __m512i four = _mm512_set1_epi32(bytes);                   \
        FOR_BLOCKS(ADD, r)                                         \
    }
        FOR_ROWS(ADD_ROW)
    }
    __m512i off[4];
#define CORRECTION(r, c) \
    if (c < C) off[c] = _mm512_loadu_si512(layer.corrections + (block + c) * 16);
    FOR_BLOCKS(CORRECTION, 0)
#define RESULT(r, c)                                          \
    if (r < R && c < C) {                                     \
        __m512i found = _mm512_sub_epi32(s##r##_##c, off[c]);    \
        __builtin_memcpy(&sums[r][c], &found, sizeof found);  \
    }
#define RESULT_ROW(r) FOR_BLOCKS(RESULT, r)
    FOR_ROWS(RESULT_ROW)
}
// One row and one block: the weights are read in the order in which they lie, into four sums.
static __attribute__((noinline)) void dots_of_one(const Linear& layer, const int8_t* x, int block, Ints& sums) {
    int inputs = (layer.inputs + 63) / 64 * 64;
    const int8_t* w = layer.tiles + static_cast<size_t>(block) * inputs * 16;
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    for (int q = 0; q < inputs; q += 16, w += 256) {
        int32_t bytes[4];
        __builtin_memcpy(bytes, x + q, 16);
#define STREAM(c)                                                                                          \
    _mm_prefetch(w + 8192 + 64 * c, _MM_HINT_T0);                                                          \
    __asm__("vpdpbusd %2, %1, %0" : "+v"(s##c) : "v"(_mm512_set1_epi32(bytes[c])), "v"(_mm512_loadu_si512(w + 64 * c)));
        STREAM(0)
        STREAM(1)
        STREAM(2)
        STREAM(3)
    }
    __m512i all = _mm512_add_epi32(_mm512_add_epi32(s0, s1), _mm512_add_epi32(s2, s3));
    all = _mm512_sub_epi32(all, _mm512_loadu_si512(layer.corrections + block * 16));
    __builtin_memcpy(&sums, &all, sizeof all);
}
#undef STREAM
#undef FOR_ROWS
#undef FOR_BLOCKS
#undef ZERO
#undef ZERO_ROW
#undef WEIGHTS
#undef ADD
#undef ADD_ROW
#undef CORRECTION
#undef RESULT
#undef RESULT_ROW
