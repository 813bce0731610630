"""NAS-Bench-NLP: notation, rules, sampling, mutation, canonical form, graph."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import InputError
from tasks.spaces.base import SearchSpace, as_arch, code_length
from tasks.spaces.nasbench_nlp import NasBenchNlp
from tasks.spaces.nasbench_nlp_edits import KINDS, edits
from tasks.spaces.nasbench_nlp_form import LAYOUT, OPERATIONS, direct_states, in_order, unpack, valid

SPACE = NasBenchNlp()

RNN = {
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]},
}
# The gated recurrent unit, and the long short-term memory with its second state.
GRU = {
    "r": {"op": "linear", "input": ["x", "h_prev_0"]},
    "r_act": {"op": "activation_sigm", "input": ["r"]},
    "z": {"op": "linear", "input": ["x", "h_prev_0"]},
    "z_act": {"op": "activation_sigm", "input": ["z"]},
    "rh": {"op": "elementwise_prod", "input": ["r_act", "h_prev_0"]},
    "u": {"op": "linear", "input": ["x", "rh"]},
    "u_act": {"op": "activation_tanh", "input": ["u"]},
    "h_new_0": {"op": "blend", "input": ["z_act", "h_prev_0", "u_act"]},
}
LSTM = {
    "h_new_0": {"op": "elementwise_prod", "input": ["c_act", "o_act"]},
    "i": {"op": "linear", "input": ["x", "h_prev_0"]},
    "i_act": {"op": "activation_sigm", "input": ["i"]},
    "j": {"op": "linear", "input": ["x", "h_prev_0"]},
    "j_act": {"op": "activation_tanh", "input": ["j"]},
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "f_act": {"op": "activation_sigm", "input": ["f"]},
    "o": {"op": "linear", "input": ["x", "h_prev_0"]},
    "o_act": {"op": "activation_sigm", "input": ["o"]},
    "kept": {"op": "elementwise_prod", "input": ["f_act", "h_prev_1"]},
    "added": {"op": "elementwise_prod", "input": ["i_act", "j_act"]},
    "h_new_1": {"op": "elementwise_sum", "input": ["kept", "added"]},
    "c_act": {"op": "activation_tanh", "input": ["h_new_1"]},
}
seeds = st.integers(0, 2**32 - 1)


def arch_of(recipe):
    return SPACE.parse(json.dumps(recipe))


def sampled(seed, n=1):
    return SPACE.sample(np.random.default_rng(seed), n)


def twin(arch, rng):
    """The same cell with other names, another order of nodes, of commuting inputs, of states."""
    recipe = json.loads(SPACE.format(arch))
    states = [name for name in recipe if name.startswith("h_new_")]
    shuffled = [0, *(1 + rng.permutation(len(states) - 1)).tolist()]
    names = {f"h_new_{old}": f"h_new_{new}" for old, new in enumerate(shuffled)}
    names |= {f"h_prev_{old}": f"h_prev_{new}" for old, new in enumerate(shuffled)}
    names |= {name: f"n{rng.integers(10**9)}_{name}" for name in recipe if name not in states}
    other = {}
    for name in rng.permutation(list(recipe)).tolist():
        read = [names.get(source, source) for source in recipe[name]["input"]]
        if recipe[name]["op"] != "blend":
            read = rng.permutation(read).tolist()
        other[names[name]] = {"op": recipe[name]["op"], "input": read}
    return arch_of(other)


def test_it_is_a_search_space():
    space: SearchSpace = SPACE
    assert space.name == "nasbench_nlp"
    assert code_length(LAYOUT) == 87 == sampled(0).shape[1]


@pytest.mark.parametrize("recipe", [RNN, GRU, LSTM])
def test_known_cells_are_read_and_written(recipe):
    arch = arch_of(recipe)
    again = json.loads(SPACE.format(arch))
    assert sorted(node["op"] for node in again.values()) == sorted(node["op"] for node in recipe.values())
    assert {name for name in again if "new" in name} == {name for name in recipe if "new" in name}
    assert SPACE.parse(SPACE.format(arch)) == arch
    assert SPACE.canonical(twin(arch, np.random.default_rng(0))) == SPACE.canonical(arch)


def test_format_names_nodes_in_order():
    assert SPACE.format(arch_of(RNN)) == (
        '{"node_0": {"op": "linear", "input": ["x", "h_prev_0"]}, '
        '"h_new_0": {"op": "activation_tanh", "input": ["node_0"]}}'
    )


def test_three_cells_differ():
    assert len({SPACE.canonical(arch_of(recipe)) for recipe in (RNN, GRU, LSTM)}) == 3


def change(recipe, **nodes):
    return {name: node for name, node in {**recipe, **nodes}.items() if node is not None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|nor_conv_3x3~0|", "in JSON"),
        ("[]", "in JSON"),
        ("{}", "1 to 21 nodes, got 0"),
        ('{"h_new_0": 1, "h_new_0": 2}', "a key occurs twice"),
        (json.dumps({"h_new_0": {"op": "linear"}}), "two keys 'op' and 'input'"),
        (json.dumps(change(RNN, h_new_0={"op": "tanh", "input": ["f"]})), "unknown operation 'tanh'"),
        (json.dumps(change(RNN, h_new_0={"op": "blend", "input": "f"})), "list of 1 to 3 names"),
        (json.dumps(change(RNN, h_new_0={"op": "activation_tanh", "input": ["g"]})), "unknown input 'g'"),
        (json.dumps(change(RNN, h_new_0={"op": "activation_tanh", "input": ["x"]})), "only linear may read"),
        (json.dumps(change(RNN, h_new_0={"op": "blend", "input": ["f"]})), "too few or too many inputs"),
        (json.dumps(change(RNN, h_new_0={"op": "linear", "input": ["f", "f"]})), "reads a vertex twice"),
        (json.dumps(change(RNN, h_new_0=None, y={"op": "activation_tanh", "input": ["f"]})), "'h_new_0'"),
        (json.dumps(change(RNN, h_new_3={"op": "activation_tanh", "input": ["f"]})), "at most 3 hidden"),
        (
            json.dumps(change(RNN, h_new_1={"op": "activation_tanh", "input": ["f"]})),
            "hidden state is not read",
        ),
        (json.dumps(change(RNN, g={"op": "activation_tanh", "input": ["f"]})), "depends on a node"),
        (json.dumps(change(RNN, f={"op": "linear", "input": ["x", "h_prev_1"]})), "state is not read"),
        (json.dumps(change(GRU, u={"op": "linear", "input": ["x", "h_prev_2"]})), "has no new one"),
        (json.dumps(change(RNN, f={"op": "linear", "input": ["x", "h_new_0"]})), "in a circle"),
        (
            json.dumps(change(RNN, x={"op": "activation_tanh", "input": ["f"]})),
            "cannot be computed by a node",
        ),
        (json.dumps(change(RNN, f={"op": "activation_tanh", "input": ["h_prev_0"]})), "no node reads 'x'"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(InputError, match="nasbench_nlp") as caught:
        SPACE.parse(text)
    assert message in str(caught.value)


def test_a_batch_names_the_row():
    with pytest.raises(InputError, match="row 1: "):
        SPACE.parse_many([json.dumps(RNN), "nothing"])
    codes = sampled(1, 3)
    codes[2, 0] = 7
    with pytest.raises(InputError, match=r"row 2: .*out of range"):
        SPACE.canonical_many(codes)
    with pytest.raises(InputError, match="is 87 codes"):
        SPACE.format((0, 1))


def test_samples_keep_the_rules_of_the_generator():
    codes = sampled(2, 400)
    cells = unpack(codes)
    assert valid(codes).all()
    assert not direct_states(cells).any()
    # An activation follows a linear node, which is removed only together with it.
    used = np.bincount(cells.operations[cells.present], minlength=len(OPERATIONS)) / cells.present.sum()
    assert 0.4 < used[0] < 0.55
    assert (used[1:] > 0.02).all()
    first = cells.inputs[:, :, 0] - 4
    activation = cells.operations >= OPERATIONS.index("activation_tanh")
    source = np.take_along_axis(cells.operations, first.clip(0), axis=1)[activation]
    assert (source == 0).all()
    assert {1, 2, 3} == set((cells.states >= 0).sum(axis=1).tolist())


def test_sampling_is_repeatable_and_takes_any_number():
    np.testing.assert_array_equal(sampled(3, 5), sampled(3, 5))
    assert sampled(3, 0).shape == (0, 87)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_round_trip_and_twins(seed):
    arch = as_arch(sampled(seed)[0])
    assert SPACE.parse(SPACE.format(arch)) == arch
    other = twin(arch, np.random.default_rng(seed))
    assert SPACE.canonical(other) == SPACE.canonical(arch)


def test_order_counts_for_a_blend_only():
    gate, old, new = GRU["h_new_0"]["input"]
    swapped = change(GRU, h_new_0={"op": "blend", "input": [gate, new, old]})
    assert SPACE.canonical(arch_of(swapped)) != SPACE.canonical(arch_of(GRU))
    turned = change(GRU, u={"op": "linear", "input": ["rh", "x"]})
    assert SPACE.canonical(arch_of(turned)) == SPACE.canonical(arch_of(GRU))


def test_the_state_that_leaves_the_cell_counts():
    recipe = {
        "a": {"op": "linear", "input": ["x", "h_prev_0", "h_prev_1"]},
        "h_new_0": {"op": "activation_tanh", "input": ["a"]},
        "h_new_1": {"op": "activation_sigm", "input": ["a"]},
    }
    other = {"a": recipe["a"], "h_new_0": recipe["h_new_1"], "h_new_1": recipe["h_new_0"]}
    assert SPACE.canonical(arch_of(recipe)) != SPACE.canonical(arch_of(other))


def test_equal_nodes_are_not_one_node():
    shared = {
        "a": {"op": "linear", "input": ["x", "h_prev_0"]},
        "t": {"op": "activation_tanh", "input": ["a"]},
        "s": {"op": "activation_sigm", "input": ["a"]},
        "h_new_0": {"op": "elementwise_prod", "input": ["t", "s"]},
    }
    apart = change(shared, b=shared["a"], s={"op": "activation_sigm", "input": ["b"]})
    assert SPACE.canonical(arch_of(shared)) != SPACE.canonical(arch_of(apart))


@settings(max_examples=6, deadline=None)
@given(seeds)
def test_neighbours_are_valid_different_and_mutual(seed):
    arch = as_arch(sampled(seed)[0])
    near = SPACE.neighbors(arch)
    assert len(set(near)) == len(near)
    assert arch not in near
    assert valid(np.array(near)).all()
    own = SPACE.canonical(arch)
    for other in near[:: max(1, len(near) // 6)]:
        assert own in SPACE.canonical_many(np.array(SPACE.neighbors(other)))


def test_a_mutation_is_one_of_the_neighbours_and_of_every_kind():
    rng = np.random.default_rng(5)
    arch = arch_of(LSTM)
    before = list(arch)
    children = {SPACE.mutate(arch, rng) for _ in range(60)}
    assert children <= set(SPACE.neighbors(arch))
    assert list(arch) == before
    kinds = [{as_arch(row) for row in edits(arch, kind)} for kind in KINDS]
    # No blend whose inputs could be exchanged.
    assert [bool(kind & children) for kind in kinds] == [True, True, True, False, True, True]


def test_one_edit_changes_one_thing():
    arch = arch_of(GRU)
    recipe = json.loads(SPACE.format(arch))
    for row in edits(arch, "operation"):
        other = json.loads(SPACE.format(as_arch(row)))
        assert sum(other[name] != recipe[name] for name in recipe) == 1
    sizes = {len(json.loads(SPACE.format(as_arch(row)))) - len(recipe) for row in edits(arch, "size")}
    assert sizes == {-1, 1}


def test_no_edit_lets_a_new_state_read_an_old_one_where_none_did():
    codes = sampled(6, 5)
    near = np.concatenate([SPACE.neighbors(as_arch(row)) for row in codes])
    assert not direct_states(unpack(near)).any()


def test_the_largest_cell_does_not_grow():
    recipe = {"a0": {"op": "linear", "input": ["x", "h_prev_0"]}}
    for number in range(1, 20):
        recipe[f"a{number}"] = {"op": "activation_tanh", "input": [f"a{number - 1}"]}
    recipe["h_new_0"] = {"op": "activation_tanh", "input": ["a19"]}
    arch = arch_of(recipe)
    assert {len(json.loads(SPACE.format(as_arch(row)))) for row in edits(arch, "size")} == {20}
    recipe["a20"] = {"op": "activation_tanh", "input": ["a19"]}
    with pytest.raises(InputError, match="1 to 21 nodes, got 22"):
        arch_of(recipe)


def test_nodes_are_put_in_order():
    arch = arch_of(LSTM)  # written with the last node first
    cells, ordered = in_order(unpack(np.array([arch])))
    assert ordered.all()
    np.testing.assert_array_equal(cells.inputs, unpack(np.array([arch])).inputs)


def test_graph_of_the_long_short_term_memory():
    graph = SPACE.graph(arch_of(LSTM))
    assert graph.operations[:3] == ("x", "h_prev_0", "h_prev_1")
    assert graph.operations[-1] == "output"
    assert len(graph.operations) == 3 + 13 + 1
    assert graph.adjacency[:, -1].sum() == 2
    assert not np.tril(graph.adjacency).any()
    assert graph.adjacency.sum() == sum(len(node["input"]) for node in LSTM.values()) + 2
