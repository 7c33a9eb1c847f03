// Message passing on the CPU as operations of libtorch's autograd.
//
// Edges are sorted by receiver; `offsets[i]..offsets[i + 1]` are those into node i, and
// `out_order[out_offsets[j]..out_offsets[j + 1]]` those out of node j. Every sum runs over one node's
// edges in that order and belongs to one thread, so results do not depend on the number of threads.
// No operation makes a tensor of messages `[E, d]`. Gradients of gradients are not provided.

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>
#include <optional>
#include <string>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Edges {
    Tensor source, target, offsets, out_offsets, out_order;

    int64_t nodes() const { return offsets.size(0) - 1; }
    int64_t count() const { return source.size(0); }
    variable_list list() const { return {source, target, offsets, out_offsets, out_order}; }
    static Edges from(const variable_list& saved, size_t first) {
        return {saved[first], saved[first + 1], saved[first + 2], saved[first + 3], saved[first + 4]};
    }
};

const int64_t* ids(const Tensor& t) { return t.const_data_ptr<int64_t>(); }

// `t`, of so many numbers in so many rows, as a tensor of our own: whoever else has a handle of `t` can
// give it another shape between the two passes. It shares the numbers, and the count of their changes.
Tensor held(const char* name, const Tensor& t, int64_t rows, int64_t numbers) {
    TORCH_CHECK(t.device().is_cpu() && t.dim() > 0 && t.size(0) == rows && t.numel() == numbers, name,
                " must have ", rows, " rows and ", numbers, " numbers on the CPU, its shape is ",
                t.sizes(), " on ", t.device());
    return t.contiguous().detach();
}

// Rows of nodes: as many as there are receivers, and no sender beyond them.
Tensor held_rows(const char* name, const Tensor& t, const Edges& g, int64_t heads) {
    TORCH_CHECK(g.out_offsets.size(0) == g.offsets.size(0), "senders are other nodes than receivers");
    TORCH_CHECK(t.dim() == 2 && heads > 0 && t.size(1) % heads == 0, name, " of shape ", t.sizes(),
                " does not have an equal part a head of ", heads);
    return held(name, t, g.nodes(), g.nodes() * t.size(1));
}

// Rows that are worth a thread of their own: about 32,768 additions.
int64_t grain(int64_t width, int64_t edges, int64_t nodes) {
    const int64_t row = std::max<int64_t>(1, width) * (1 + edges / std::max<int64_t>(1, nodes));
    return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, row));
}

// Loops over ranges of nodes are compiled for two instruction sets and chosen at run time. Both
// round alike: multiplications and additions are not contracted (-ffp-contract=off).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif
#define INLINE inline __attribute__((always_inline))

// A loop over the range begin..end for float and for double, on every instruction set.
#define LOOP(name)                                                              \
    CLONES void name(const name##_args<float>& a, int64_t begin, int64_t end) { \
        name##_body(a, begin, end);                                             \
    }                                                                           \
    CLONES void name(const name##_args<double>& a, int64_t begin, int64_t end) { \
        name##_body(a, begin, end);                                             \
    }

template <typename T>
INLINE void add_scaled(T* __restrict y, T a, const T* __restrict x, int64_t n) {
    for (int64_t k = 0; k < n; ++k) y[k] += a * x[k];
}

template <typename T>
INLINE void add(T* __restrict y, const T* __restrict x, int64_t n) {
    for (int64_t k = 0; k < n; ++k) y[k] += x[k];
}

// Eight floats or four doubles: a register of AVX2. Wider vectors would be taken apart number by number.
template <typename T>
struct Vector {
    static constexpr int64_t size = 32 / sizeof(T);
    typedef T type __attribute__((vector_size(32)));
};

template <typename T>
INLINE typename Vector<T>::type load(const T* x) {
    typename Vector<T>::type v;
    std::memcpy(&v, x, sizeof v);
    return v;
}

template <typename T>
INLINE void store(T* x, const typename Vector<T>::type& v) {
    std::memcpy(x, &v, sizeof v);
}

template <typename T>
INLINE T folded(typename Vector<T>::type v) {
    for (int64_t half = Vector<T>::size / 2; half > 0; half /= 2)
        for (int64_t lane = 0; lane < half; ++lane) v[lane] += v[lane + half];
    return v[0];
}

template <typename T>
INLINE T dot(const T* x, const T* y, int64_t n) {
    typename Vector<T>::type part = {};
    int64_t k = 0;
    for (; k + Vector<T>::size <= n; k += Vector<T>::size) part += load(x + k) * load(y + k);
    T rest = 0;
    for (; k < n; ++k) rest += x[k] * y[k];
    return folded<T>(part) + rest;
}

// --- Sum of the rows of `from` at each node: row order[k] for k in the node's range, or row k.

template <typename T>
struct sum_rows_args {
    const T* from;
    T* to;
    const int64_t *start, *order;
    int64_t width;
};

template <typename T>
INLINE void sum_rows_body(const sum_rows_args<T>& a, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
        for (int64_t k = a.start[i]; k < a.start[i + 1]; ++k)
            add(a.to + i * a.width, a.from + (a.order ? a.order[k] : k) * a.width, a.width);
}
LOOP(sum_rows)

Tensor segment_sum(const Tensor& values, const Tensor& offsets, const Tensor& order) {
    const int64_t nodes = offsets.size(0) - 1;
    auto shape = values.sizes().vec();
    const int64_t rows = shape[0];
    shape[0] = nodes;
    Tensor y = at::zeros(shape, values.options());
    const int64_t width = nodes == 0 ? 0 : y.numel() / nodes;
    const Tensor dense = values.contiguous();
    AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "segment_sum", [&] {
        const sum_rows_args<scalar_t> a{dense.const_data_ptr<scalar_t>(),
                                        y.mutable_data_ptr<scalar_t>(), ids(offsets),
                                        order.defined() ? ids(order) : nullptr, width};
        at::parallel_for(0, nodes, grain(width, rows, nodes),
                         [&](int64_t begin, int64_t end) { sum_rows(a, begin, end); });
    });
    return y;
}

// --- Weighted sum over the edges of each node, per head: `to` [N, H C], `by` [E, H] or null. Edge
// number k of the node's range is `edge[k]`, or k; its row is `other[edge]`.

template <typename T>
struct weighted_args {
    const T *from, *by;
    T* to;
    const int64_t *start, *edge, *other;
    int64_t heads, part;
};

template <typename T>
INLINE void weighted_body(const weighted_args<T>& a, int64_t begin, int64_t end) {
    const int64_t width = a.heads * a.part;
    for (int64_t i = begin; i < end; ++i) {
        T* out = a.to + i * width;
        for (int64_t k = a.start[i]; k < a.start[i + 1]; ++k) {
            const int64_t e = a.edge ? a.edge[k] : k;
            const T* row = a.from + a.other[e] * width;
            if (!a.by) {
                add(out, row, width);
                continue;
            }
            for (int64_t h = 0; h < a.heads; ++h)
                add_scaled(out + h * a.part, a.by[e * a.heads + h], row + h * a.part, a.part);
        }
    }
}
LOOP(weighted)

// Along the edges, or, for the gradient, against them.
Tensor weighted_sum(const Tensor& x, const Tensor& w, const Edges& g, int64_t heads, bool along) {
    const int64_t nodes = g.nodes(), width = x.size(1);
    Tensor y = at::zeros_like(x);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "aggregate", [&] {
        const weighted_args<scalar_t> a{x.const_data_ptr<scalar_t>(),
                                        w.defined() ? w.const_data_ptr<scalar_t>() : nullptr,
                                        y.mutable_data_ptr<scalar_t>(),
                                        ids(along ? g.offsets : g.out_offsets),
                                        along ? nullptr : ids(g.out_order),
                                        ids(along ? g.source : g.target),
                                        heads,
                                        width / heads};
        at::parallel_for(0, nodes, grain(width, g.count(), nodes),
                         [&](int64_t begin, int64_t end) { weighted(a, begin, end); });
    });
    return y;
}

// --- Product of the rows at both ends of each edge, per head: `to` [E, H].

template <typename T>
struct products_args {
    const T *at_target, *at_source;
    T* to;
    const int64_t *start, *source;
    int64_t heads, part;
};

template <typename T>
INLINE void products_body(const products_args<T>& a, int64_t begin, int64_t end) {
    const int64_t width = a.heads * a.part;
    for (int64_t i = begin; i < end; ++i)
        for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e)
            for (int64_t h = 0; h < a.heads; ++h)
                a.to[e * a.heads + h] = dot(a.at_target + i * width + h * a.part,
                                            a.at_source + a.source[e] * width + h * a.part, a.part);
}
LOOP(products)

Tensor edge_products(const Tensor& grad, const Tensor& x, const Edges& g, int64_t heads) {
    const int64_t nodes = g.nodes(), width = x.size(1);
    Tensor y = at::empty({g.count(), heads}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "aggregate", [&] {
        const products_args<scalar_t> a{grad.const_data_ptr<scalar_t>(),
                                        x.const_data_ptr<scalar_t>(),
                                        y.mutable_data_ptr<scalar_t>(),
                                        ids(g.offsets),
                                        ids(g.source),
                                        heads,
                                        width / heads};
        at::parallel_for(0, nodes, grain(width, g.count(), nodes),
                         [&](int64_t begin, int64_t end) { products(a, begin, end); });
    });
    return y;
}

// y_i = sum over edges j -> i of w x_j, per head: x [N, H C], w [E, H] or absent.
struct Aggregate : Function<Aggregate> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const std::optional<Tensor>& w,
                          const Edges& g, int64_t heads) {
        const Tensor rows = held_rows("x", x, g, heads);
        const Tensor by = w ? held("w", *w, g.count(), g.count() * heads) : Tensor();
        variable_list saved = g.list();
        saved.push_back(rows);
        saved.push_back(by);
        ctx->save_for_backward(saved);
        ctx->saved_data["heads"] = heads;
        ctx->saved_data["by_x"] = x.requires_grad();
        ctx->saved_data["by_w"] = w && w->requires_grad();
        return weighted_sum(rows, by, g, heads, true);
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const variable_list saved = ctx->get_saved_variables();
        const Edges g = Edges::from(saved, 0);
        const Tensor &x = saved[5], &w = saved[6], grad = grads[0].contiguous();
        const int64_t heads = ctx->saved_data["heads"].toInt();
        Tensor by_x, by_w;
        if (ctx->saved_data["by_x"].toBool()) by_x = weighted_sum(grad, w, g, heads, false);
        if (ctx->saved_data["by_w"].toBool())
            by_w = edge_products(grad, x, g, heads).reshape(w.sizes());
        return {by_x, by_w, Tensor(), Tensor()};
    }
};

// --- Scores of attention: s_e = <v, LeakyReLU(l_source + r_target + m_e)> per head; l, r [N, H C],
// m [E, H C] or absent, v [H C]. With C = 1 and v = 1 these are the scores of GAT.

template <typename T>
struct score_args {
    const T *l, *r, *m, *v;
    const int64_t *source, *target;
    int64_t heads, part;
    T slope;
};

// z = l + r + m: the rows that an edge takes from.
template <typename T>
struct Rows {
    const T *l, *r, *m;

    INLINE Rows(const score_args<T>& a, int64_t e) {
        const int64_t width = a.heads * a.part;
        l = a.l + a.source[e] * width;
        r = a.r + a.target[e] * width;
        m = a.m ? a.m + e * width : nullptr;
    }
    INLINE T at(int64_t k) const { return m ? l[k] + r[k] + m[k] : l[k] + r[k]; }
    INLINE typename Vector<T>::type vector(int64_t k) const {
        const auto z = load(l + k) + load(r + k);
        return m ? z + load(m + k) : z;
    }
};

template <typename T>
struct scores_args {
    score_args<T> of;
    T* to;
    const int64_t* start;
};

template <typename T>
INLINE void scores_body(const scores_args<T>& a, int64_t begin, int64_t end) {
    const score_args<T>& s = a.of;
    for (int64_t e = a.start[begin]; e < a.start[end]; ++e) {
        const Rows<T> rows(s, e);
        for (int64_t h = 0; h < s.heads; ++h) {
            int64_t k = h * s.part;
            const int64_t last = k + s.part;
            typename Vector<T>::type total = {};
            for (; k + Vector<T>::size <= last; k += Vector<T>::size) {
                const auto z = rows.vector(k);
                total += load(s.v + k) * (z > 0 ? z : s.slope * z);
            }
            T rest = 0;
            for (; k < last; ++k) {
                const T z = rows.at(k);
                rest += s.v[k] * (z > 0 ? z : s.slope * z);
            }
            a.to[e * s.heads + h] = folded<T>(total) + rest;
        }
    }
}
LOOP(scores)

// Gradients: by r at the receivers, by m at the edges, by v in one row a block of nodes.
template <typename T>
struct score_targets_args {
    score_args<T> of;
    const T* up;
    T *to_r, *to_m, *to_v;
    const int64_t* start;
    int64_t nodes, block;
};

// Adds what edge e says of head h to the gradients: of z to `to`, and, where they are not null, that
// of z itself to `own` and that of v to `to_v`.
template <typename T>
INLINE void add_slopes(const score_args<T>& s, const Rows<T>& rows, T up, int64_t h, T* to, T* own,
                       T* to_v) {
    int64_t k = h * s.part;
    const int64_t last = k + s.part;
    const typename Vector<T>::type zero = {};
    for (; k + Vector<T>::size <= last; k += Vector<T>::size) {
        const auto z = rows.vector(k);
        const auto d = up * load(s.v + k) * (z > 0 ? zero + T(1) : zero + s.slope);
        store(to + k, load(to + k) + d);
        if (own) store(own + k, d);
        if (to_v) store(to_v + k, load(to_v + k) + up * (z > 0 ? z : s.slope * z));
    }
    for (; k < last; ++k) {
        const T z = rows.at(k);
        const T d = up * s.v[k] * (z > 0 ? T(1) : s.slope);
        to[k] += d;
        if (own) own[k] = d;
        if (to_v) to_v[k] += up * (z > 0 ? z : s.slope * z);
    }
}

template <typename T>
INLINE void score_targets_body(const score_targets_args<T>& a, int64_t begin, int64_t end) {
    const score_args<T>& s = a.of;
    const int64_t width = s.heads * s.part;
    const int64_t last = std::min(end * a.block, a.nodes);
    for (int64_t i = begin * a.block; i < last; ++i)
        for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e) {
            const Rows<T> rows(s, e);
            T* own = a.to_m ? a.to_m + e * width : nullptr;
            T* to_v = a.to_v ? a.to_v + (i / a.block) * width : nullptr;
            for (int64_t h = 0; h < s.heads; ++h)
                add_slopes<T>(s, rows, a.up[e * s.heads + h], h, a.to_r + i * width, own, to_v);
        }
}
LOOP(score_targets)

// Gradient by l at the senders.
template <typename T>
struct score_sources_args {
    score_args<T> of;
    const T* up;
    T* to;
    const int64_t *start, *edge;
};

template <typename T>
INLINE void score_sources_body(const score_sources_args<T>& a, int64_t begin, int64_t end) {
    const score_args<T>& s = a.of;
    const int64_t width = s.heads * s.part;
    for (int64_t j = begin; j < end; ++j)
        for (int64_t n = a.start[j]; n < a.start[j + 1]; ++n) {
            const int64_t e = a.edge[n];
            const Rows<T> rows(s, e);
            for (int64_t h = 0; h < s.heads; ++h)
                add_slopes<T>(s, rows, a.up[e * s.heads + h], h, a.to + j * width, nullptr,
                              nullptr);
        }
}
LOOP(score_sources)

template <typename T>
score_args<T> score_of(const variable_list& saved, int64_t heads, double slope) {
    const Edges g = Edges::from(saved, 0);
    const Tensor& m = saved[7];
    return {saved[5].const_data_ptr<T>(),
            saved[6].const_data_ptr<T>(),
            m.defined() ? m.const_data_ptr<T>() : nullptr,
            saved[8].const_data_ptr<T>(),
            ids(g.source),
            ids(g.target),
            heads,
            saved[5].size(1) / heads,
            static_cast<T>(slope)};
}

struct Scores : Function<Scores> {
    static Tensor forward(AutogradContext* ctx, const Tensor& l, const Tensor& r,
                          const std::optional<Tensor>& m, const Tensor& v, const Edges& g,
                          int64_t heads, double slope) {
        variable_list saved = g.list();
        const Tensor rows = held_rows("l", l, g, heads);
        const int64_t width = rows.size(1);
        saved.insert(saved.end(), {rows, held("r", r, g.nodes(), g.nodes() * width),
                                   m ? held("m", *m, g.count(), g.count() * width) : Tensor(),
                                   held("v", v, v.dim() > 0 ? v.size(0) : 0, width)});
        ctx->save_for_backward(saved);
        ctx->saved_data["heads"] = heads;
        ctx->saved_data["slope"] = slope;
        ctx->saved_data["by_m"] = m && m->requires_grad();
        ctx->saved_data["by_v"] = v.requires_grad();
        const int64_t nodes = g.nodes();
        Tensor y = at::empty({g.count(), heads}, l.options());
        AT_DISPATCH_FLOATING_TYPES(l.scalar_type(), "scores", [&] {
            const scores_args<scalar_t> a{score_of<scalar_t>(saved, heads, slope),
                                          y.mutable_data_ptr<scalar_t>(), ids(g.offsets)};
            at::parallel_for(0, nodes, grain(3 * width, g.count(), nodes),
                             [&](int64_t begin, int64_t end) { scores(a, begin, end); });
        });
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const variable_list saved = ctx->get_saved_variables();
        const Edges g = Edges::from(saved, 0);
        const Tensor &l = saved[5], grad = grads[0].contiguous();
        const int64_t heads = ctx->saved_data["heads"].toInt();
        const double slope = ctx->saved_data["slope"].toDouble();
        const bool with_m = ctx->saved_data["by_m"].toBool();
        const bool with_v = ctx->saved_data["by_v"].toBool();
        const int64_t nodes = g.nodes(), width = l.size(1);
        const int64_t size = grain(4 * width, g.count(), nodes);
        // Sums for v belong to fixed blocks of nodes, whatever threads there are.
        const int64_t block = 64, blocks = (nodes + block - 1) / block;
        Tensor by_l = at::zeros_like(l), by_r = at::zeros_like(l), by_m, by_v;
        Tensor parts = at::zeros({with_v ? blocks : 0, width}, l.options());
        if (with_m) by_m = at::empty({g.count(), width}, l.options());
        AT_DISPATCH_FLOATING_TYPES(l.scalar_type(), "scores", [&] {
            const auto of = score_of<scalar_t>(saved, heads, slope);
            const scalar_t* up = grad.const_data_ptr<scalar_t>();
            const score_targets_args<scalar_t> at_targets{
                of,
                up,
                by_r.mutable_data_ptr<scalar_t>(),
                with_m ? by_m.mutable_data_ptr<scalar_t>() : nullptr,
                with_v ? parts.mutable_data_ptr<scalar_t>() : nullptr,
                ids(g.offsets),
                nodes,
                block};
            at::parallel_for(0, blocks, std::max<int64_t>(1, size / block),
                             [&](int64_t begin, int64_t end) {
                                 score_targets(at_targets, begin, end);
                             });
            const score_sources_args<scalar_t> at_sources{of, up, by_l.mutable_data_ptr<scalar_t>(),
                                                          ids(g.out_offsets), ids(g.out_order)};
            at::parallel_for(0, nodes, size, [&](int64_t begin, int64_t end) {
                score_sources(at_sources, begin, end);
            });
        });
        if (with_v) by_v = parts.sum(0).reshape(saved[8].sizes());
        return {by_l, by_r, by_m, by_v, Tensor(), Tensor(), Tensor()};
    }
};

// --- Softmax of scores [E, H] over the edges into each node.

template <typename T>
struct softmax_args {
    const T *from, *up;
    T* to;
    const int64_t* start;
    int64_t heads;
};

template <typename T>
using shifted_args = softmax_args<T>;
template <typename T>
using shares_args = softmax_args<T>;
template <typename T>
using softmax_grad_args = softmax_args<T>;

template <typename T>
INLINE void shifted_body(const softmax_args<T>& a, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
        for (int64_t h = 0; h < a.heads; ++h) {
            T top = -std::numeric_limits<T>::infinity();
            for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e)
                top = std::max(top, a.from[e * a.heads + h]);
            for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e)
                a.to[e * a.heads + h] = a.from[e * a.heads + h] - top;
        }
}
LOOP(shifted)

template <typename T>
INLINE void shares_body(const softmax_args<T>& a, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
        for (int64_t h = 0; h < a.heads; ++h) {
            T total = T(1e-16);
            for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e) total += a.to[e * a.heads + h];
            for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e) a.to[e * a.heads + h] /= total;
        }
}
LOOP(shares)

template <typename T>
INLINE void softmax_grad_body(const softmax_args<T>& a, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
        for (int64_t h = 0; h < a.heads; ++h) {
            T mean = 0;
            for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e)
                mean += a.from[e * a.heads + h] * a.up[e * a.heads + h];
            for (int64_t e = a.start[i]; e < a.start[i + 1]; ++e)
                a.to[e * a.heads + h] =
                    a.from[e * a.heads + h] * (a.up[e * a.heads + h] - mean);
        }
}
LOOP(softmax_grad)

struct Softmax : Function<Softmax> {
    static Tensor forward(AutogradContext* ctx, const Tensor& scores, const Tensor& offsets) {
        const Tensor s = scores.contiguous();
        const int64_t nodes = offsets.size(0) - 1, edges = s.size(0);
        const int64_t heads = edges == 0 ? 1 : s.numel() / edges;
        const int64_t size = grain(4 * heads, edges, nodes);
        Tensor y = at::empty_like(s);
        AT_DISPATCH_FLOATING_TYPES(s.scalar_type(), "softmax", [&] {
            const softmax_args<scalar_t> a{s.const_data_ptr<scalar_t>(), nullptr,
                                           y.mutable_data_ptr<scalar_t>(), ids(offsets), heads};
            at::parallel_for(0, nodes, size,
                             [&](int64_t begin, int64_t end) { shifted(a, begin, end); });
            y.exp_();
            at::parallel_for(0, nodes, size,
                             [&](int64_t begin, int64_t end) { shares(a, begin, end); });
        });
        ctx->save_for_backward({y, offsets});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const variable_list saved = ctx->get_saved_variables();
        const Tensor &alpha = saved[0], &offsets = saved[1], grad = grads[0].contiguous();
        const int64_t nodes = offsets.size(0) - 1, edges = alpha.size(0);
        const int64_t heads = edges == 0 ? 1 : alpha.numel() / edges;
        Tensor y = at::empty_like(alpha);
        AT_DISPATCH_FLOATING_TYPES(alpha.scalar_type(), "softmax", [&] {
            const softmax_args<scalar_t> a{alpha.const_data_ptr<scalar_t>(),
                                           grad.const_data_ptr<scalar_t>(),
                                           y.mutable_data_ptr<scalar_t>(), ids(offsets), heads};
            at::parallel_for(0, nodes, grain(4 * heads, edges, nodes),
                             [&](int64_t begin, int64_t end) { softmax_grad(a, begin, end); });
        });
        return {y, Tensor()};
    }
};

// Rows of x at one end of each edge; the gradient sums them where they came from.
struct Gather : Function<Gather> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& index,
                          const Tensor& offsets, const std::optional<Tensor>& order) {
        ctx->save_for_backward({offsets, order ? *order : Tensor()});
        return x.index_select(0, index);
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const variable_list saved = ctx->get_saved_variables();
        return {segment_sum(grads[0], saved[0], saved[1]), Tensor(), Tensor(), Tensor()};
    }
};

// Sum of the rows of each edge at its receiver.
struct SegmentSum : Function<SegmentSum> {
    static Tensor forward(AutogradContext* ctx, const Tensor& values, const Tensor& target,
                          const Tensor& offsets) {
        ctx->save_for_backward({target});
        return segment_sum(values, offsets, Tensor());
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const variable_list saved = ctx->get_saved_variables();
        return {grads[0].index_select(0, saved[0]), Tensor(), Tensor()};
    }
};

template <typename F>
Tensor* guarded(char* message, size_t capacity, F make) {
    const char* what = "unknown error";
    std::string kept;
    try {
        return new Tensor(make());
    } catch (const c10::Error& error) {
        kept = error.what_without_backtrace();
        what = kept.c_str();
    } catch (const std::exception& error) {
        kept = error.what();
        what = kept.c_str();
    } catch (...) {
    }
    std::strncpy(message, what, capacity - 1);
    message[capacity - 1] = '\0';
    return nullptr;
}

// An undefined tensor cannot be an argument of an operation, an absent one can.
std::optional<Tensor> maybe(const Tensor* t) {
    return t ? std::optional<Tensor>(*t) : std::nullopt;
}

}  // namespace

extern "C" {

// As torch-sys passes tensors: pointers to at::Tensor, the result on the heap.
struct AsternEdges {
    const Tensor *source, *target, *offsets, *out_offsets, *out_order;
};

static Edges edges_of(const AsternEdges* g) {
    return {*g->source, *g->target, *g->offsets, *g->out_offsets, *g->out_order};
}

Tensor* astern_aggregate(const Tensor* x, const Tensor* w, const AsternEdges* g, int64_t heads,
                         char* message, size_t capacity) {
    return guarded(message, capacity,
                   [&] { return Aggregate::apply(*x, maybe(w), edges_of(g), heads); });
}

Tensor* astern_scores(const Tensor* l, const Tensor* r, const Tensor* m, const Tensor* a,
                      const AsternEdges* g, int64_t heads, double slope, char* message,
                      size_t capacity) {
    return guarded(message, capacity, [&] {
        return Scores::apply(*l, *r, maybe(m), *a, edges_of(g), heads, slope);
    });
}

Tensor* astern_softmax(const Tensor* scores, const AsternEdges* g, char* message,
                       size_t capacity) {
    return guarded(message, capacity, [&] { return Softmax::apply(*scores, *g->offsets); });
}

Tensor* astern_gather_source(const Tensor* x, const AsternEdges* g, char* message,
                             size_t capacity) {
    return guarded(message, capacity, [&] {
        return Gather::apply(*x, *g->source, *g->out_offsets, maybe(g->out_order));
    });
}

Tensor* astern_gather_target(const Tensor* x, const AsternEdges* g, char* message,
                             size_t capacity) {
    return guarded(message, capacity,
                   [&] { return Gather::apply(*x, *g->target, *g->offsets, maybe(nullptr)); });
}

Tensor* astern_segment_sum(const Tensor* values, const AsternEdges* g, char* message,
                           size_t capacity) {
    return guarded(message, capacity,
                   [&] { return SegmentSum::apply(*values, *g->target, *g->offsets); });
}

}  // extern "C"
