// Many rows with AMX: tiles of 16 rows x 64 inputs times tiles of 64 inputs x 16 outputs, two by two. Rows beyond the
// last are computed from whatever stands there, and left out of the result.
constexpr int LEAST_TILE_ROWS = 6;

struct __attribute__((packed)) TileShapes {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

static void linear_tiles(const Linear& layer, const Bytes& x, int rows, int first, int end, const Target& to) {
    TileShapes shapes;
    _tile_loadconfig(&shapes);
    int inputs = (layer.inputs + 63) / 64 * 64;
    size_t step = static_cast<size_t>(inputs) * 16;
    alignas(64) int32_t sums[4][16][16];
    for (int block = first; block < end; block += 2) {
        const int8_t* left = layer.tiles + block * step;
        bool two = block + 1 < end;
        const int8_t* right = two ? left + step : left;
        for (int row = 0; row < rows; row += 32) {
            bool more = row + 16 < rows;
            const int8_t* above = x.rows + row * x.stride;
            const int8_t* below = more ? above + 16 * x.stride : above;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            for (int k = 0; k < inputs; k += 64) {
                _tile_loadd(4, above + k, x.stride);
                _tile_loadd(6, left + k * 16, 64);
                _tile_dpbssd(0, 4, 6);
                if (two) {
                    _tile_loadd(7, right + k * 16, 64);
                    _tile_dpbssd(1, 4, 7);
                }
                if (more) {
                    _tile_loadd(5, below + k, x.stride);
                    _tile_dpbssd(2, 5, 6);
                    if (two) _tile_dpbssd(3, 5, 7);
                }
            }
            _tile_stored(0, sums[0], 64);
            if (two) _tile_stored(1, sums[1], 64);
            if (more) _tile_stored(2, sums[2], 64);
            if (more && two) _tile_stored(3, sums[3], 64);
            for (int part = 0; part < 4; part++) {
                int base = row + part / 2 * 16;
                if (part % 2 && !two) continue;
                for (int r = 0; r < 16 && base + r < rows; r++) {
                    Ints found;
                    __builtin_memcpy(&found, sums[part][r], 64);
                    finish(layer, block + part % 2, found, x.scales[base + r], to, base + r);
                }
            }
        }
    }
    _tile_release();
}
