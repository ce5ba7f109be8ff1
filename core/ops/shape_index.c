/* shape_index.c -- NumPy's x[...] as one operator: places, slices, whole axes, new axes, and one
 * tensor of places. It expands into select, slice, take, unsqueeze and transpose, once the rank of
 * x says which axis an item is about.
 */
#include <inttypes.h>

#include "shape.h"

enum { EACH = 4 }; /* integers an item */

typedef struct plan {
    int rank;                  /* of x */
    uint32_t n;                /* items */
    const int64_t *item;
    int axis[GRAD_RANK_MAX];   /* of each item that has one, in order */
    int axes;                  /* items that have an axis */
    int left;                  /* axes that "..." stands for, or that follow the last item */
} plan;

static bool has_axis(int64_t kind)
{
    return kind == GRAD_INDEX_AT || kind == GRAD_INDEX_SLICE || kind == GRAD_INDEX_TENSOR;
}

static int make_plan(plan *p, B *b, const grad_args *a)
{
    const grad_value *list = &a->attr[0];
    int fresh = 0, rests = 0, tensors = 0;
    *p = (plan){.rank = v_rank(b, a->in[0]), .n = list->n / EACH, .item = list->list};
    if (list->n % EACH)
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "items", "index: four integers an item");
    for (uint32_t i = 0; i < p->n; i++) {
        const int64_t kind = p->item[EACH * i];
        if (kind < 0 || kind >= GRAD_INDEX_KINDS || p->axes > GRAD_RANK_MAX)
            return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "items", "index: no such item");
        p->axes += has_axis(kind);
        fresh += kind == GRAD_INDEX_NEW;
        rests += kind == GRAD_INDEX_REST;
        tensors += kind == GRAD_INDEX_TENSOR;
    }
    if (rests > 1 || tensors != (grad__given(a, 1) != GRAD_NONE))
        return grad_expand_fail(b, GRAD_BAD_ATTRIBUTE, -1, "items",
                                "index: one tensor of places, as the second operand");
    if (p->axes > p->rank)
        return grad_expand_fail(b, GRAD_SHAPE_MISMATCH, 0, NULL,
                                "index: the tensor has %d ax%s, and %d are indexed", p->rank,
                                p->rank == 1 ? "is" : "es", p->axes);
    if (p->rank + fresh > GRAD_RANK_MAX)
        return grad_expand_fail(b, GRAD_TENSOR_TOO_LARGE, 0, NULL,
                                "index: a tensor has at most %d axes", GRAD_RANK_MAX);
    p->left = p->rank - p->axes;
    int axis = 0, k = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->item[EACH * i] == GRAD_INDEX_REST) axis += p->left;
        if (has_axis(p->item[EACH * i])) p->axis[k++] = axis++;
    }
    return 0;
}

/* The places along axes that go: the last axis first, so that the others keep their numbers. */
static V take_places(B *b, const plan *p, V x)
{
    int k = p->axes;
    for (uint32_t i = p->n; i-- > 0;) {
        const int64_t *item = &p->item[EACH * i];
        if (!has_axis(item[0])) continue;
        k--;
        if (item[0] != GRAD_INDEX_AT) continue;
        x = v_emit(b, &grad__op_select, 1, &x, 2,
                   (grad_value[]){INT_(p->axis[k]), INT_(item[1])});
    }
    return x;
}

/* All slices as one; those of a whole axis are left out. */
static V take_slices(B *b, const plan *p, V x)
{
    int64_t list[4][GRAD_RANK_MAX];
    size_t n = 0;
    int k = 0, gone = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const int64_t *item = &p->item[EACH * i];
        if (!has_axis(item[0])) continue;
        const int axis = p->axis[k++] - gone;
        gone += item[0] == GRAD_INDEX_AT;
        const bool whole = item[1] == 0 && item[2] == INT64_MAX && item[3] == 1;
        if (item[0] != GRAD_INDEX_SLICE || whole) continue;
        for (int l = 0; l < 3; l++) list[l][n] = item[l + 1];
        list[3][n++] = axis;
    }
    if (n == 0) return x;
    return v_emit(b, &grad__op_slice, 1, &x, 4,
                  (grad_value[]){grad__list(list[0], n), grad__list(list[1], n),
                                 grad__list(list[2], n), grad__list(list[3], n)});
}

/* Where the tensor of places is taken, among the axes that are left; -1: there is none. `apart`: it
   and the places stand apart, and their axes then come first, as NumPy has it. */
static int find_tensor(const plan *p, bool *apart)
{
    int k = 0, gone = 0, at = -1;
    bool seen = false, between = false, tensor = false;
    *apart = false;
    for (uint32_t i = 0; i < p->n; i++) {
        const int64_t kind = p->item[EACH * i];
        const bool advanced = kind == GRAD_INDEX_AT || kind == GRAD_INDEX_TENSOR;
        if (kind == GRAD_INDEX_TENSOR) at = p->axis[k] - gone;
        if (advanced) *apart = *apart || (seen && between);
        else between = seen;
        seen = seen || advanced;
        tensor = tensor || kind == GRAD_INDEX_TENSOR;
        gone += kind == GRAD_INDEX_AT;
        k += has_axis(kind);
    }
    *apart = *apart && tensor;
    return at;
}

/* `count` axes from `from` on come first. */
static V move_first(B *b, V x, int from, int count)
{
    int64_t axes[GRAD_RANK_MAX];
    const int rank = v_rank(b, x);
    for (int d = 0; d < rank; d++)
        axes[d] = d < count ? from + d : d < from + count ? d - count : d;
    return v_transpose(b, x, rank, axes);
}

/* New axes, and with `lead` axes in front that no item stands for. `tensor_rank` axes stand where
   the tensor of places is. */
static V add_axes(B *b, const plan *p, V x, int lead, int tensor_rank)
{
    int64_t fresh[GRAD_RANK_MAX];
    size_t n = 0;
    int axis = lead;
    for (uint32_t i = 0; i < p->n; i++) {
        switch (p->item[EACH * i]) {
        case GRAD_INDEX_SLICE: axis++; break;
        case GRAD_INDEX_REST: axis += p->left; break;
        case GRAD_INDEX_TENSOR: axis += tensor_rank; break;
        case GRAD_INDEX_NEW: fresh[n++] = axis++; break;
        default: break;
        }
    }
    return n ? v_unsqueeze(b, x, fresh, n) : x;
}

static int index_expand(B *b, const grad_args *a, V *out)
{
    plan p;
    bool apart;
    if (make_plan(&p, b, a) < 0) return -1;
    V x = take_slices(b, &p, take_places(b, &p, a->in[0]));
    const int at = find_tensor(&p, &apart);
    if (at >= 0) {
        const int rank = v_rank(b, a->in[1]);
        x = v_emit(b, &grad__op_take, 2, (V[]){x, a->in[1]}, 1, (grad_value[]){INT_(at)});
        apart = apart && rank > 0;
        if (apart && at > 0) x = move_first(b, x, at, rank);
        x = add_axes(b, &p, x, apart ? rank : 0, apart ? 0 : rank);
    } else {
        x = add_axes(b, &p, x, 0, 0);
    }
    *out = x;
    return v_failed(b) ? -1 : 0;
}

/* clang-format off */

const grad_op grad__op_index = {
    .name = "index",
    .doc = "x[...] as NumPy reads it: places, slices, whole axes, new axes, and one tensor of "
           "places.",
    .gradient = "dx = zeros with g added at the places taken",
    .in = {{"x", GRAD_ROLE_NUMBER, false}, {"indices", GRAD_ROLE_INDEX, true}},
    .attr = {{.name = "items", .type = ATTR_INTS, .required = true}},
    .types = TYPES_KEEP, .expand = index_expand, .internal = true,
    .example = "index([5, 6, 7], items=[0,-1,0,0]) -> 7\n"
               "index([[1, 2], [3, 4]], items=[2,0,0,0, 0,1,0,0]) -> [2, 4]\n"
               "index([1, 2, 3], items=[1,0,2,1, 3,0,0,0]) -> [[1], [2]]\n"
               "index([[1, 2], [3, 4]], [1, 0, 1], items=[0,1,0,0, 4,0,0,0]) -> [4, 3, 4]",
    .trials = "[3] items=[0,1,0,0]; [2,3,4] items=[1,0,1,1,2,0,0,0,0,2,0,0]; "
              "[2,3] i[4]<3 items=[3,0,0,0,0,0,0,0,4,0,0,0]; "
              "[2,3,2] i[2]<2 items=[0,1,0,0,1,0,2,1,4,0,0,0]; [0,3] items=[2,0,0,0]",
};

/* clang-format on */

const grad_op *grad_op_index(void)
{
    return &grad__op_index;
}

const grad_op *const grad__family_shape_index[] = {&grad__op_index, NULL};
