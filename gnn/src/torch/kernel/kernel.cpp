// Message passing on the CPU as operations of libtorch's autograd.
//
// Edges are sorted by receiver; `offsets[i]..offsets[i + 1]` are those into node i, and
// `out_edges[out_offsets[j]..out_offsets[j + 1]]` those out of node j. Every sum runs over one node's
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
    Tensor source, target, offsets, out_offsets, out_edges;

    int64_t nodes() const { return offsets.size(0) - 1; }
    int64_t count() const { return source.size(0); }
    variable_list list() const { return {source, target, offsets, out_offsets, out_edges}; }
    static Edges from(const variable_list& saved, size_t first) {
        return {saved[first], saved[first + 1], saved[first + 2], saved[first + 3], saved[first + 4]};
    }
};

const int64_t* ids(const Tensor& t) { return t.const_data_ptr<int64_t>(); }

// Rows that are worth a thread of their own: about 32,768 additions.
int64_t grain(int64_t width, int64_t edges, int64_t nodes) {
    const int64_t row = std::max<int64_t>(1, width) * (1 + edges / std::max<int64_t>(1, nodes));
    return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, row));
}

template <typename T>
void add_scaled(T* y, T a, const T* x, int64_t n) {
    for (int64_t k = 0; k < n; ++k) y[k] += a * x[k];
}

template <typename T>
void add(T* y, const T* x, int64_t n) {
    for (int64_t k = 0; k < n; ++k) y[k] += x[k];
}

// Eight partial sums, so that the compiler may use its vector registers.
template <typename T, typename F>
T sum_of(int64_t n, F term) {
    constexpr int64_t lanes = 8;
    T part[lanes] = {};
    int64_t k = 0;
    for (; k + lanes <= n; k += lanes)
        for (int64_t lane = 0; lane < lanes; ++lane) part[lane] += term(k + lane);
    T rest = 0;
    for (; k < n; ++k) rest += term(k);
    for (int64_t half = lanes / 2; half > 0; half /= 2)
        for (int64_t lane = 0; lane < half; ++lane) part[lane] += part[lane + half];
    return part[0] + rest;
}

// Sum over the rows of `values` at each node: row `order[k]` for k in the node's range, or row k.
Tensor segment_sum(const Tensor& values, const Tensor& offsets, const Tensor& order) {
    const int64_t nodes = offsets.size(0) - 1;
    auto shape = values.sizes().vec();
    const int64_t rows = shape[0];
    shape[0] = nodes;
    Tensor y = at::zeros(shape, values.options());
    const int64_t width = nodes == 0 ? 0 : y.numel() / nodes;
    const Tensor dense = values.contiguous();
    const int64_t* start = ids(offsets);
    const int64_t* row = order.defined() ? ids(order) : nullptr;
    AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "segment_sum", [&] {
        const scalar_t* from = dense.const_data_ptr<scalar_t>();
        scalar_t* to = y.mutable_data_ptr<scalar_t>();
        at::parallel_for(0, nodes, grain(width, rows, nodes), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
                for (int64_t k = start[i]; k < start[i + 1]; ++k)
                    add(to + i * width, from + (row ? row[k] : k) * width, width);
        });
    });
    return y;
}

// y_i = sum over edges j -> i of w x_j, per head: x [N, H C], w [E, H] or undefined.
Tensor aggregate_forward(const Tensor& x, const Tensor& w, const Edges& g, int64_t heads) {
    const int64_t nodes = g.nodes(), width = x.size(1), part = width / heads;
    Tensor y = at::zeros_like(x);
    const int64_t *source = ids(g.source), *start = ids(g.offsets);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "aggregate", [&] {
        const scalar_t* from = x.const_data_ptr<scalar_t>();
        const scalar_t* by = w.defined() ? w.const_data_ptr<scalar_t>() : nullptr;
        scalar_t* to = y.mutable_data_ptr<scalar_t>();
        at::parallel_for(0, nodes, grain(width, g.count(), nodes), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
                for (int64_t e = start[i]; e < start[i + 1]; ++e) {
                    const scalar_t* row = from + source[e] * width;
                    scalar_t* out = to + i * width;
                    if (!by) {
                        add(out, row, width);
                        continue;
                    }
                    for (int64_t h = 0; h < heads; ++h)
                        add_scaled(out + h * part, by[e * heads + h], row + h * part, part);
                }
        });
    });
    return y;
}

Tensor aggregate_by_x(const Tensor& grad, const Tensor& w, const Edges& g, int64_t heads) {
    const int64_t nodes = g.nodes(), width = grad.size(1), part = width / heads;
    Tensor y = at::zeros_like(grad);
    const int64_t *target = ids(g.target), *start = ids(g.out_offsets), *edge = ids(g.out_edges);
    AT_DISPATCH_FLOATING_TYPES(grad.scalar_type(), "aggregate", [&] {
        const scalar_t* from = grad.const_data_ptr<scalar_t>();
        const scalar_t* by = w.defined() ? w.const_data_ptr<scalar_t>() : nullptr;
        scalar_t* to = y.mutable_data_ptr<scalar_t>();
        at::parallel_for(0, nodes, grain(width, g.count(), nodes), [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; ++j)
                for (int64_t k = start[j]; k < start[j + 1]; ++k) {
                    const int64_t e = edge[k];
                    const scalar_t* row = from + target[e] * width;
                    scalar_t* out = to + j * width;
                    if (!by) {
                        add(out, row, width);
                        continue;
                    }
                    for (int64_t h = 0; h < heads; ++h)
                        add_scaled(out + h * part, by[e * heads + h], row + h * part, part);
                }
        });
    });
    return y;
}

Tensor aggregate_by_w(const Tensor& grad, const Tensor& x, const Edges& g, int64_t heads) {
    const int64_t nodes = g.nodes(), width = x.size(1), part = width / heads;
    Tensor y = at::empty({g.count(), heads}, x.options());
    const int64_t *source = ids(g.source), *start = ids(g.offsets);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "aggregate", [&] {
        const scalar_t* left = grad.const_data_ptr<scalar_t>();
        const scalar_t* right = x.const_data_ptr<scalar_t>();
        scalar_t* to = y.mutable_data_ptr<scalar_t>();
        at::parallel_for(0, nodes, grain(width, g.count(), nodes), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
                for (int64_t e = start[i]; e < start[i + 1]; ++e)
                    for (int64_t h = 0; h < heads; ++h) {
                        const scalar_t* a = left + i * width + h * part;
                        const scalar_t* b = right + source[e] * width + h * part;
                        to[e * heads + h] =
                            sum_of<scalar_t>(part, [&](int64_t k) { return a[k] * b[k]; });
                    }
        });
    });
    return y;
}

struct Aggregate : Function<Aggregate> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const std::optional<Tensor>& w,
                          const Edges& g, int64_t heads) {
        const Tensor rows = x.contiguous();
        const Tensor by = w ? w->contiguous() : Tensor();
        variable_list saved = g.list();
        saved.push_back(rows);
        saved.push_back(by);
        ctx->save_for_backward(saved);
        ctx->saved_data["heads"] = heads;
        ctx->saved_data["by_x"] = x.requires_grad();
        ctx->saved_data["by_w"] = w && w->requires_grad();
        return aggregate_forward(rows, by, g, heads);
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const variable_list saved = ctx->get_saved_variables();
        const Edges g = Edges::from(saved, 0);
        const Tensor &x = saved[5], &w = saved[6], grad = grads[0].contiguous();
        const int64_t heads = ctx->saved_data["heads"].toInt();
        Tensor by_x, by_w;
        if (ctx->saved_data["by_x"].toBool()) by_x = aggregate_by_x(grad, w, g, heads);
        if (ctx->saved_data["by_w"].toBool())
            by_w = aggregate_by_w(grad, x, g, heads).reshape(w.sizes());
        return {by_x, by_w, Tensor(), Tensor()};
    }
};

// s_e = <a, LeakyReLU(l_source + r_target + m_e)> per head: l, r [N, H C], m [E, H C] or undefined,
// a [H C]. With C = 1 and a = 1 these are the scores of GAT.
template <typename T>
struct Score {
    const T *l, *r, *m, *a;
    const int64_t *source, *target;
    int64_t width;
    T slope;

    T sum(int64_t e, int64_t k) const {
        const T z = l[source[e] * width + k] + r[target[e] * width + k];
        return m ? z + m[e * width + k] : z;
    }
    T active(T z) const { return z > 0 ? z : slope * z; }
    T derivative(T z) const { return z > 0 ? T(1) : slope; }
};

template <typename T>
Score<T> score_of(const variable_list& saved, double slope) {
    const Edges g = Edges::from(saved, 0);
    const Tensor& m = saved[7];
    return {saved[5].const_data_ptr<T>(),
            saved[6].const_data_ptr<T>(),
            m.defined() ? m.const_data_ptr<T>() : nullptr,
            saved[8].const_data_ptr<T>(),
            ids(g.source),
            ids(g.target),
            saved[5].size(1),
            static_cast<T>(slope)};
}

struct Scores : Function<Scores> {
    static Tensor forward(AutogradContext* ctx, const Tensor& l, const Tensor& r,
                          const std::optional<Tensor>& m, const Tensor& a, const Edges& g,
                          int64_t heads, double slope) {
        variable_list saved = g.list();
        saved.insert(saved.end(), {l.contiguous(), r.contiguous(),
                                   m ? m->contiguous() : Tensor(), a.contiguous()});
        ctx->save_for_backward(saved);
        ctx->saved_data["heads"] = heads;
        ctx->saved_data["slope"] = slope;
        ctx->saved_data["by_m"] = m && m->requires_grad();
        ctx->saved_data["by_a"] = a.requires_grad();
        const int64_t nodes = g.nodes(), part = l.size(1) / heads;
        Tensor y = at::empty({g.count(), heads}, l.options());
        const int64_t* start = ids(g.offsets);
        AT_DISPATCH_FLOATING_TYPES(l.scalar_type(), "scores", [&] {
            const auto score = score_of<scalar_t>(saved, slope);
            scalar_t* to = y.mutable_data_ptr<scalar_t>();
            const auto size = grain(3 * l.size(1), g.count(), nodes);
            at::parallel_for(0, nodes, size, [&](int64_t begin, int64_t end) {
                for (int64_t e = start[begin]; e < start[end]; ++e)
                    for (int64_t h = 0; h < heads; ++h) {
                        const int64_t at = h * part;
                        to[e * heads + h] = sum_of<scalar_t>(part, [&](int64_t k) {
                            return score.a[at + k] * score.active(score.sum(e, at + k));
                        });
                    }
            });
        });
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const variable_list saved = ctx->get_saved_variables();
        const Edges g = Edges::from(saved, 0);
        const Tensor& l = saved[5];
        const Tensor grad = grads[0].contiguous();
        const int64_t heads = ctx->saved_data["heads"].toInt();
        const double slope = ctx->saved_data["slope"].toDouble();
        const bool with_m = ctx->saved_data["by_m"].toBool();
        const bool with_a = ctx->saved_data["by_a"].toBool();
        const int64_t nodes = g.nodes(), width = l.size(1), part = width / heads;
        const auto size = grain(4 * width, g.count(), nodes);
        // Partial sums for `a` belong to fixed blocks of nodes, whatever threads there are.
        const int64_t block = 512, blocks = (nodes + block - 1) / block;
        Tensor by_l = at::zeros_like(l), by_r = at::zeros_like(l), by_m, by_a;
        Tensor parts = at::zeros({with_a ? blocks : 0, width}, l.options());
        if (with_m) by_m = at::empty({g.count(), width}, l.options());
        const int64_t *start = ids(g.offsets), *out = ids(g.out_offsets), *edge = ids(g.out_edges);
        AT_DISPATCH_FLOATING_TYPES(l.scalar_type(), "scores", [&] {
            const auto score = score_of<scalar_t>(saved, slope);
            const scalar_t* from = grad.const_data_ptr<scalar_t>();
            scalar_t* to_r = by_r.mutable_data_ptr<scalar_t>();
            scalar_t* to_l = by_l.mutable_data_ptr<scalar_t>();
            scalar_t* to_m = with_m ? by_m.mutable_data_ptr<scalar_t>() : nullptr;
            scalar_t* to_a = with_a ? parts.mutable_data_ptr<scalar_t>() : nullptr;
            const auto receivers = [&](int64_t i) {
                for (int64_t e = start[i]; e < start[i + 1]; ++e)
                    for (int64_t h = 0; h < heads; ++h) {
                        const scalar_t up = from[e * heads + h];
                        for (int64_t k = h * part; k < (h + 1) * part; ++k) {
                            const scalar_t z = score.sum(e, k);
                            const scalar_t d = up * score.a[k] * score.derivative(z);
                            to_r[i * width + k] += d;
                            if (to_m) to_m[e * width + k] = d;
                            if (to_a) to_a[(i / block) * width + k] += up * score.active(z);
                        }
                    }
            };
            at::parallel_for(0, blocks, std::max<int64_t>(1, size / block),
                             [&](int64_t begin, int64_t end) {
                                 const int64_t last = std::min(end * block, nodes);
                                 for (int64_t i = begin * block; i < last; ++i) receivers(i);
                             });
            at::parallel_for(0, nodes, size, [&](int64_t begin, int64_t end) {
                for (int64_t j = begin; j < end; ++j)
                    for (int64_t n = out[j]; n < out[j + 1]; ++n) {
                        const int64_t e = edge[n];
                        for (int64_t h = 0; h < heads; ++h) {
                            const scalar_t up = from[e * heads + h];
                            for (int64_t k = h * part; k < (h + 1) * part; ++k)
                                to_l[j * width + k] +=
                                    up * score.a[k] * score.derivative(score.sum(e, k));
                        }
                    }
            });
        });
        if (with_a) by_a = parts.sum(0).reshape(saved[8].sizes());
        return {by_l, by_r, by_m, by_a, Tensor(), Tensor(), Tensor()};
    }
};

// Softmax of scores [E, H] over the edges into each node.
struct Softmax : Function<Softmax> {
    static Tensor forward(AutogradContext* ctx, const Tensor& scores, const Tensor& offsets) {
        const Tensor s = scores.contiguous();
        const int64_t nodes = offsets.size(0) - 1, edges = s.size(0);
        const int64_t heads = edges == 0 ? 1 : s.numel() / edges;
        Tensor y = at::empty_like(s);
        const int64_t* start = ids(offsets);
        AT_DISPATCH_FLOATING_TYPES(s.scalar_type(), "softmax", [&] {
            const scalar_t* from = s.const_data_ptr<scalar_t>();
            scalar_t* to = y.mutable_data_ptr<scalar_t>();
            const auto size = grain(4 * heads, edges, nodes);
            at::parallel_for(0, nodes, size, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i)
                    for (int64_t h = 0; h < heads; ++h) {
                        scalar_t top = -std::numeric_limits<scalar_t>::infinity();
                        for (int64_t e = start[i]; e < start[i + 1]; ++e)
                            top = std::max(top, from[e * heads + h]);
                        for (int64_t e = start[i]; e < start[i + 1]; ++e)
                            to[e * heads + h] = from[e * heads + h] - top;
                    }
            });
            y.exp_();
            at::parallel_for(0, nodes, size, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i)
                    for (int64_t h = 0; h < heads; ++h) {
                        scalar_t total = scalar_t(1e-16);
                        for (int64_t e = start[i]; e < start[i + 1]; ++e) total += to[e * heads + h];
                        for (int64_t e = start[i]; e < start[i + 1]; ++e) to[e * heads + h] /= total;
                    }
            });
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
        const int64_t* start = ids(offsets);
        AT_DISPATCH_FLOATING_TYPES(alpha.scalar_type(), "softmax", [&] {
            const scalar_t* a = alpha.const_data_ptr<scalar_t>();
            const scalar_t* up = grad.const_data_ptr<scalar_t>();
            scalar_t* to = y.mutable_data_ptr<scalar_t>();
            const auto size = grain(4 * heads, edges, nodes);
            at::parallel_for(0, nodes, size, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i)
                    for (int64_t h = 0; h < heads; ++h) {
                        scalar_t mean = 0;
                        for (int64_t e = start[i]; e < start[i + 1]; ++e)
                            mean += a[e * heads + h] * up[e * heads + h];
                        for (int64_t e = start[i]; e < start[i + 1]; ++e)
                            to[e * heads + h] = a[e * heads + h] * (up[e * heads + h] - mean);
                    }
            });
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
    const Tensor *source, *target, *offsets, *out_offsets, *out_edges;
};

static Edges edges_of(const AsternEdges* g) {
    return {*g->source, *g->target, *g->offsets, *g->out_offsets, *g->out_edges};
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
        return Gather::apply(*x, *g->source, *g->out_offsets, maybe(g->out_edges));
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
