// What Python hands over. `library.py`, `stages.py` and `recurrent.py` have the same structures.
#pragma once
#include <cstdint>
#include <cstdlib>

// A layer of int8 weights in tiles of 64 inputs x 16 outputs: byte [r * 64 + n * 4 + j] of a tile is the weight of input
// 4r + j for output n. Tiles of one block of 16 outputs follow each other. The layout is that of AMX's second operand,
// and VNNI, AVX2 and NEON read it in order, too.
struct Linear {
    int32_t outputs, inputs;  // as in the model; tiles are padded with zeros
    const int8_t* tiles;
    const float* scales;       // one for each output
    const float* biases;       // one for each output, or null
    const int32_t* corrections;  // 128 x the sum of each output's weights, for unsigned activations
};

// A layer of float32 numbers in blocks, in the order in which the kernel reads them: `floats.h` packs them.
struct FloatLinear {
    int32_t outputs, inputs;
    int32_t halved;  // all weights are bfloat16
    const void* weights;
    const float* biases;  // one for each output of whole blocks, or null
};

// Rows through one such layer, or its weights to be packed; the work is cut up in `shares`.
struct FloatsCall {
    const FloatLinear* layer;
    int32_t rows, shares;
    const float* in;  // [rows, inputs]
    float* out;       // [rows, outputs]
};

struct Norm {
    const float* gains;  // null: 1
    const float* shifts;  // null: 0
};

struct Block {
    Norm norm_1, norm_2;
    Linear attend, project, expand, contract;
};

struct Transformer {
    int32_t layers, heads, size, inner, vocabulary, positions;
    int32_t norm_first;  // GPT-2 normalises what a layer reads, BERT what it writes
    int32_t left_only;   // no token sees those after it
    int32_t activation;
    float epsilon;
    const float* scales;     // of the attention scores, by layer
    const float* tokens;     // [vocabulary, size]
    const float* places;     // [positions, size]
    Norm embedded;           // BERT: after the embeddings
    Norm last;               // GPT-2: before the head
    const Block* blocks;
    Linear head;             // outputs 0: there is none
};

// One call: new tokens of some rows, in any order of rows, the tokens of a row in order.
struct Call {
    int32_t tokens, wanted, rows, most_pages;
    const int32_t* ids;      // [tokens]
    const int32_t* places;   // [tokens], in `Transformer.places`
    const int32_t* row;      // [tokens]
    const int32_t* at;       // [tokens], how many keys of its row stand before it
    const int32_t* lengths;  // [rows], keys of each row after this call
    float* const* pages;     // [rows, most_pages], the pages of each row's keys and values
    const int32_t* chosen;   // [wanted], the tokens whose logits or states are wanted
    float* out;              // [wanted, vocabulary] logits, or [wanted, size] states where there is no head
};

constexpr int PAGE = 16;  // tokens in a page of keys and values

// A linear layer, its activation, and a normalisation after it.
struct Stage {
    Linear linear;
    Norm norm;
    int32_t activation, normalised;
    float epsilon;
};

// Stages one after the other, over all rows.
struct StagesCall {
    int32_t stages, rows;
    const Stage* stage;
    const float* in;  // [rows, inputs of the first]
    float* out;       // [rows, outputs of the last]
};

// A layer of an LSTM. Of each 16 units both products give the input gates, the forget gates, the candidates and the
// output gates, 16 numbers each.
struct LstmLayer {
    Linear input, hidden;  // the biases of both stand in `input`
};

// Tokens of some rows, those of a row in order, through all layers of an LSTM.
struct LstmCall {
    int32_t layers, inputs, units;  // units padded to whole lanes
    int32_t tokens, rows, turns;  // `turns` is the most tokens of a row
    const LstmLayer* layer;
    const float* in;        // [tokens, inputs]
    const int32_t* starts;  // [rows + 1], where the tokens of each row begin
    const int32_t* order;   // [rows], the rows with more tokens first
    const int32_t* active;  // [turns], how many rows have more tokens than that
    float* states;          // [rows, layers, 2, units], output and cell: as they were, then as they are
    float* out;             // [tokens, units], the outputs of the last layer
};

// Numbers between the layers, for all tokens of one call; kept by the model from call to call.
struct Room {
    float *hidden, *wide, *inner, *normed;  // [tokens, strides]
    int8_t *bytes, *inner_bytes;
    float *scales, *inner_scales;
    size_t size, wide_size, inner_size, byte_size, inner_byte_size;
};

// Room for a call of stages or of an LSTM. The rows of `wide` are `stride` numbers long.
struct Rows {
    float *wide, *gates, *pre;  // `gates` [tokens, 4 * units] and `pre` [rows, 4 * units] are an LSTM's
    int8_t *bytes, *hidden_bytes;
    float *scales, *hidden_scales;
    size_t stride;
};

struct StagesJob {
    const StagesCall* call;
    Rows room;
    int members;
};

struct LstmJob {
    const LstmCall* call;
    Rows room;
    int members;
};

struct Job {
    const Transformer* model;
    const Call* call;
    const Room* room;
    int members;
    bool alone;  // each row has one new token
};

// What is done to the logits of each row between the mask and the draw.
enum Kind { DIVIDE = 0, LARGEST = 1, ABOVE = 2, MASS = 3, REMOVE = 4, SCALE = 5, ADD = 6 };

struct Operation {
    int32_t kind, count;
    float value;
    double mass;
    const int32_t* starts;  // [rows + 1] in `ids`; of each row each id once
    const int32_t* ids;
    const float* amounts;
};

// One draw for each row. What is null is not wanted, or is not there.
struct Drawing {
    int32_t rows, size, operations, most_kept;
    const float* const* logits;        // [rows][size]
    const uint8_t* const* masks;       // [rows][size]: 1 where a token may follow
    const int32_t *minus_starts, *minus;  // [rows + 1] and tokens that may not follow in spite of the mask
    const int32_t *plus_starts, *plus;    // tokens that may
    const Operation* operation;
    const double* places;              // [rows] in [0, 1); no number: the likeliest token
    int32_t* tokens;                   // [rows], -1 where nothing can be drawn
    float* largest;                    // [rows], of the logits without a mask
    double* sums;                      // [rows], of e^(logit - largest)
    int32_t *counts, *kept;            // [rows] tokens left, and the first [rows, most_kept] of them
    float* shaped;                     // [rows, size]
    int32_t* failed;                   // 1 if there was no memory
    int32_t parts;                     // what the threads share out
};

constexpr int SUMMED = 256;      // tokens of a block of the cumulative sum
constexpr int STEPS = 1408;      // sorts of tokens by their distance from the likeliest
constexpr int STEPS_A_NAT = 16;

struct Ranked {
    float value;
    int32_t id;
    float share;
};
struct Likelier {
    bool operator()(const Ranked& a, const Ranked& b) const { return a.value > b.value || (a.value == b.value && a.id < b.id); }
};

// What one thread needs for a row; it is kept from call to call.
struct Scratch {
    float *dense = nullptr, *values, *spare;
    int32_t *ids, *of_step;
    Ranked* ranked;
    double *blocks, *steps;
    int32_t size = -1;

    bool is_made() const { return dense != nullptr; }
    ~Scratch() { free(dense); }
};
