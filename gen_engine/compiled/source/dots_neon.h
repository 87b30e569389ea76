// Exact sums of products with NEON's dot product of signed bytes.
constexpr int SHIFT = 0, MOST_ROWS = 4;

template <int R, int C>
static __attribute__((noinline)) void dots(const Linear& layer, const int8_t* x, size_t stride, int block, Ints (*sums)[C]) {
    int inputs = (layer.inputs + 63) / 64 * 64;
    UNROLLED for (int c = 0; c < C; c++) {
        const int8_t* w = layer.tiles + static_cast<size_t>(block + c) * inputs * 16;
        int32x4_t s[R][4];
        UNROLLED for (int r = 0; r < R; r++)
            UNROLLED for (int k = 0; k < 4; k++) s[r][k] = vdupq_n_s32(0);
        for (int q = 0; q < inputs; q += 4, w += 64)
            UNROLLED for (int r = 0; r < R; r++) {
                int32_t four;
                __builtin_memcpy(&four, x + r * stride + q, 4);
                int8x16_t v = vreinterpretq_s8_s32(vdupq_n_s32(four));
                UNROLLED for (int k = 0; k < 4; k++) s[r][k] = vdotq_s32(s[r][k], vld1q_s8(w + k * 16), v);
            }
        UNROLLED for (int r = 0; r < R; r++) __builtin_memcpy(&sums[r][c], s[r], 64);
    }
}
