// Exact sums of products with AVX-512 VNNI, which multiplies unsigned by signed bytes: activations are shifted by 128,
// and 128 times the sum of the weights is taken off again.
constexpr int SHIFT = 128, MOST_ROWS = 12;

template <int R, int C>
INLINE void dots(const Linear& layer, const int8_t* x, size_t stride, int block, Ints (*sums)[C]) {
    int inputs = (layer.inputs + 63) / 64 * 64;
    size_t step = static_cast<size_t>(inputs) * 16;
    const int8_t* w = layer.tiles + static_cast<size_t>(block) * step;
    __m512i s[R][C];
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++) s[r][c] = _mm512_setzero_si512();
    for (int q = 0; q < inputs; q += 4, w += 64) {
        __m512i v[C];
        for (int c = 0; c < C; c++) {
            v[c] = _mm512_loadu_si512(w + c * step);
            if (R <= 4) _mm_prefetch(w + c * step + 2048, _MM_HINT_T0);
        }
        for (int r = 0; r < R; r++) {
            int32_t four;
            __builtin_memcpy(&four, x + r * stride + q, 4);
            for (int c = 0; c < C; c++) s[r][c] = _mm512_dpbusd_epi32(s[r][c], _mm512_set1_epi32(four), v[c]);
        }
    }
    for (int c = 0; c < C; c++) {
        __m512i off = _mm512_loadu_si512(layer.corrections + (block + c) * 16);
        for (int r = 0; r < R; r++) {
            __m512i found = _mm512_sub_epi32(s[r][c], off);
            __builtin_memcpy(&sums[r][c], &found, sizeof found);
        }
    }
}
