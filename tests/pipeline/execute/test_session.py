import pytest

from pipeline.execute import session
from pipeline.execute.session import check_fits, offers_cpu_pool, offers_of_config, places, ray_session
from tasks.errors import InputError, RunError

CPU_NODE, GPU_NODE = {"CPU": 16.0, "cpu_pool": 1.0}, {"CPU": 4.0, "GPU": 1.0}


def test_a_shape_must_fit_one_node_not_the_sum_of_them():
    check_fits([{"CPU": 1.0}, {"CPU": 1.0, "GPU": 0.25}], [CPU_NODE, GPU_NODE], complete=True)
    with pytest.raises(InputError, match="needs a node with 20 CPU; the largest offered are 16 CPU"):
        check_fits([{"CPU": 20.0}], [CPU_NODE, GPU_NODE], complete=True)
    with pytest.raises(InputError, match="8 CPU, 1 GPU"):
        check_fits([{"CPU": 8.0, "GPU": 1.0}], [CPU_NODE, GPU_NODE], complete=True)


def test_where_node_types_may_be_unknown_a_misfit_is_a_warning():
    assert check_fits([{"CPU": 1.0}], [], complete=False) == [
        "the plan needs a node with 1 CPU; the largest offered are 0 CPU"
    ]


def test_the_cpu_pool_is_used_where_it_is_offered(monkeypatch):
    monkeypatch.delenv("NASPRED_CPU_POOL", raising=False)
    assert offers_cpu_pool([CPU_NODE, GPU_NODE])
    assert not offers_cpu_pool([GPU_NODE])
    monkeypatch.setenv("NASPRED_CPU_POOL", "1")
    assert offers_cpu_pool([])


def test_node_types_of_a_configuration(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "available_node_types:\n  head: {max_workers: 0, resources: {CPU: 0}}\n"
        "  cpu: {max_workers: 3, resources: {CPU: 16, cpu_pool: 1}}\n"
    )
    assert offers_of_config(file) == [CPU_NODE]


@pytest.mark.parametrize(
    "text", ["- 1", "a: 1", "available_node_types: {x: 1}", "{", "available_node_types: {x: {}}"]
)
def test_something_else_is_refused(tmp_path, text):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match="not a Ray cluster configuration"):
        offers_of_config(file)


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        (Exception("The current node timed out during startup."), RunError, "node timed out.* --serial"),
        (TimeoutError("Timed out after 30 seconds"), RunError, "after 30 seconds.* --serial"),
        (RuntimeError("version mismatch"), InputError, "cannot connect to Ray .version mismatch"),
        (KeyError("a fault of the program"), KeyError, "a fault of the program"),
    ],
)
def test_a_ray_that_does_not_start_is_no_traceback(monkeypatch, raised, expected, said):
    import ray

    def fail(**_settings):
        raise raised

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with pytest.raises(expected, match=said), ray_session("local"):
        pass


@pytest.mark.ray
def test_a_connection_that_is_there_is_used_and_left_open(local_ray):
    with ray_session("auto"):
        assert local_ray.is_initialized()
    assert local_ray.is_initialized()


@pytest.mark.ray
def test_this_cluster_without_autoscaler_is_known_completely(local_ray, monkeypatch, tmp_path):
    from pipeline.execute.session import cpu_slots, node_offers

    monkeypatch.setenv("NASPRED_CLUSTER_CONFIG", str(tmp_path / "none.yaml"))
    offers, complete = node_offers()
    assert complete
    assert [offer["CPU"] for offer in offers] == [2.0]
    assert cpu_slots() == 2


@pytest.mark.parametrize(
    ("shape", "room"),
    [
        ({"CPU": 1, "GPU": 0.25}, 4),  # four to the device, though the node has CPUs for sixteen
        ({"CPU": 8, "GPU": 0.25}, 2),
        ({"CPU": 1, "GPU": 1}, 1),
        ({"CPU": 1, "GPU": 0.0, "cpu_pool": 0.001}, 16),
        ({"CPU": 20}, 0),
    ],
)
def test_places_are_counted_node_by_node(monkeypatch, tmp_path, shape, room):
    import ray

    monkeypatch.setenv("NASPRED_CLUSTER_CONFIG", str(tmp_path / "none.yaml"))
    monkeypatch.setattr(session, "_has_autoscaler", lambda: False)

    nodes = [
        {"Alive": True, "Resources": {"CPU": 16.0, "GPU": 1.0}},
        {"Alive": True, "Resources": {"CPU": 16.0, "cpu_pool": 1.0}},
        {"Alive": False, "Resources": {"CPU": 16.0, "GPU": 8.0, "cpu_pool": 1.0}},
    ]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    assert places(shape) == room
    monkeypatch.setattr(session, "_has_autoscaler", lambda: True)
    assert places(shape) is None


def test_places_of_nodes_that_an_autoscaler_may_add(monkeypatch, tmp_path):
    import ray

    config = tmp_path / "c.yaml"
    config.write_text(
        "available_node_types:\n  head: {max_workers: 0, resources: {CPU: 0}}\n"
        "  gpu: {max_workers: 3, resources: {CPU: 4, GPU: 1}}\n"
    )
    monkeypatch.setenv("NASPRED_CLUSTER_CONFIG", str(config))
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 16.0}}])
    assert places({"CPU": 1, "GPU": 0.25}) == 12
    assert places({"CPU": 1, "GPU": 0}) == 16
