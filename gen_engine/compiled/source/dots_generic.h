// Exact sums of products in plain C++.
constexpr int SHIFT = 0, MOST_ROWS = 2;

template <int R, int C>
INLINE void dots(const Linear& layer, const int8_t* x, size_t stride, int block, Ints (*sums)[C]) {
    int inputs = (layer.inputs + 63) / 64 * 64;
    for (int c = 0; c < C; c++)
        for (int r = 0; r < R; r++) {
            const int8_t* w = layer.tiles + static_cast<size_t>(block + c) * inputs * 16;
            int32_t s[16] = {};
            for (int q = 0; q < inputs; q += 4, w += 64) {
                const int8_t* v = x + r * stride + q;
                for (int n = 0; n < 16; n++)
                    s[n] += w[n * 4] * v[0] + w[n * 4 + 1] * v[1] + w[n * 4 + 2] * v[2] + w[n * 4 + 3] * v[3];
            }
            __builtin_memcpy(&sums[r][c], s, sizeof s);
        }
}
