// Exact sums of products with AVX2: bytes are widened to 16 bits first, since `maddubs` saturates.
constexpr int SHIFT = 0, MOST_ROWS = 2;

template <int R, int C>
static __attribute__((noinline)) void dots(const Linear& layer, const int8_t* x, size_t stride, int block, Ints (*sums)[C]) {
    int inputs = (layer.inputs + 63) / 64 * 64;
    UNROLLED for (int c = 0; c < C; c++) {
        const int8_t* w = layer.tiles + static_cast<size_t>(block + c) * inputs * 16;
        __m256i s[R][4];
        UNROLLED for (int r = 0; r < R; r++)
            UNROLLED for (int k = 0; k < 4; k++) s[r][k] = _mm256_setzero_si256();
        for (int q = 0; q < inputs; q += 4, w += 64) {
            __m256i wide[4];
            UNROLLED for (int k = 0; k < 4; k++)
                wide[k] = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + k * 16)));
            UNROLLED for (int r = 0; r < R; r++) {
                int32_t four;
                __builtin_memcpy(&four, x + r * stride + q, 4);
                __m256i v = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
                UNROLLED for (int k = 0; k < 4; k++) s[r][k] = _mm256_add_epi32(s[r][k], _mm256_madd_epi16(wide[k], v));
            }
        }
        UNROLLED for (int r = 0; r < R; r++)
            for (int half = 0; half < 2; half++) {  // pairs of neighbours belong to one output
                __m256i pairs = _mm256_hadd_epi32(s[r][2 * half], s[r][2 * half + 1]);
                pairs = _mm256_permute4x64_epi64(pairs, 0xd8);
                __builtin_memcpy(reinterpret_cast<char*>(&sums[r][c]) + 32 * half, &pairs, 32);
            }
    }
}
