"""The command line. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(
    name="naspred",
    help="Performance prediction for neural architecture search, at scale.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

bench = typer.Typer(
    help="Tabular benchmarks: build by training, import official files, describe tables.",
    no_args_is_help=True,
)
app.add_typer(bench, name="bench")

EXIT_OK, EXIT_FAILED, EXIT_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130

OutDir = Annotated[
    str, typer.Argument(metavar="DIR", help="Output directory or URL of a run (s3://bucket/run).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
StudyFile = Annotated[
    Optional[Path],  # noqa: UP045 - typer evaluates this at run time
    typer.Argument(
        metavar="[STUDY]", help="Study file (YAML); the built-in quickstart if absent.", show_default=False
    ),
]
Predictors = Annotated[
    str | None,
    typer.Option(
        "--predictors",
        help="Names, separated by commas; paper31 for those of the published study, all-ready for all that "
        "can run.",
    ),
]
Tasks = Annotated[str | None, typer.Option("--tasks", help="space/dataset pairs, separated by commas.")]
Sizes = Annotated[str | None, typer.Option("--train-sizes", help="Training sizes, separated by commas.")]
Epochs = Annotated[str | None, typer.Option("--epochs", help="Curve lengths, separated by commas.")]
Trials = Annotated[int | None, typer.Option("--trials", help="Trials (seeds) per setting.")]
TestSize = Annotated[int | None, typer.Option("--test-size", help="Test architectures per trial.")]
Benchmarks = Annotated[
    list[Path] | None,
    typer.Option("--benchmark", help="Parquet file of your own measured table; repeatable."),
]
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", help="Python file that defines a predictor; repeatable.")
]

Address = Annotated[
    str,
    typer.Option(
        "--address",
        help="local starts a Ray here; auto joins this machine's cluster; or ray://HEAD:10001.",
    ),
]
Cpus = Annotated[int | None, typer.Option("--num-cpus", min=1, help="CPUs of the local Ray; all if absent.")]
Serial = Annotated[bool, typer.Option("--serial", help="Stay in this process, without Ray; for debugging.")]
Retry = Annotated[bool, typer.Option("--retry-failed", help="Try again what failed, too.")]


@app.command()
def run(
    study: StudyFile = None,
    out: Annotated[
        str | None,
        typer.Option("--out", help="Where results go: a directory or URL. Default: naspred-results/<study>."),
    ] = None,
    predictors: Predictors = None,
    tasks: Tasks = None,
    train_sizes: Sizes = None,
    epochs: Epochs = None,
    trials: Trials = None,
    test_size: TestSize = None,
    benchmark: Benchmarks = None,
    plugin: Plugins = None,
    address: Address = "local",
    num_cpus: Cpus = None,
    serial: Serial = False,
    retry_failed: Retry = False,
    device: Annotated[
        str,
        typer.Option("--device", help="cpu, cuda or auto, for predictors that can use a GPU."),
    ] = "cpu",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run, and stop.")] = False,
    json: Json = False,
) -> None:
    """Run a study. Results that are already there are kept; run again to resume."""
    from pipeline.commands import run as command
    from pipeline.commands.options import study_from_options

    chosen = study_from_options(
        study, predictors, tasks, train_sizes, epochs, trials, test_size, benchmark or [], plugin or []
    )
    settings = command.RunSettings(
        out=out,
        address=address,
        num_cpus=num_cpus,
        serial=serial,
        retry_failed=retry_failed,
        json=json,
        device=device,
    )
    if dry_run:
        raise typer.Exit(command.show_plan(chosen, out, None, json=json))
    raise typer.Exit(command.run(chosen, settings))


@app.command()
def plan(
    study: StudyFile = None,
    out: Annotated[str | None, typer.Option("--out", help="Subtract what this output already holds.")] = None,
    predictors: Predictors = None,
    tasks: Tasks = None,
    train_sizes: Sizes = None,
    epochs: Epochs = None,
    trials: Trials = None,
    test_size: TestSize = None,
    benchmark: Benchmarks = None,
    plugin: Plugins = None,
    cluster: Annotated[
        Path | None,
        typer.Option("--cluster", help="Check the plan against the node types of a cluster.yaml."),
    ] = None,
    price: Annotated[
        float | None, typer.Option("--price", min=0.0, help="Price of a CPU hour, to estimate the cost.")
    ] = None,
    submission_id: Annotated[
        bool,
        typer.Option("--submission-id", help="Print only the id to submit this study to a cluster with."),
    ] = False,
    attempt: Annotated[
        int, typer.Option("--attempt", min=1, help="Number of the submission, for --submission-id.")
    ] = 1,
    json: Json = False,
) -> None:
    """Show what a study would run: tasks, batches, CPU hours, and what the cluster must offer."""
    from pipeline.commands import run as command
    from pipeline.commands.options import study_from_options

    chosen = study_from_options(
        study, predictors, tasks, train_sizes, epochs, trials, test_size, benchmark or [], plugin or []
    )
    if submission_id:
        typer.echo(command.submission_id(chosen, attempt))
        return
    raise typer.Exit(command.show_plan(chosen, out, cluster, price=price, json=json))


@app.command()
def score(
    study: StudyFile = None,
    out: Annotated[
        str | None,
        typer.Option("--out", help="Where scores go: a directory or URL. Default: naspred-results/<study>."),
    ] = None,
    archs: Annotated[
        str | None,
        typer.Option(
            "--archs",
            help="all of the space (the default, where they can be listed: nasbench201), table for those "
            "measured, or a text file with one per line.",
        ),
    ] = None,
    predictors: Predictors = None,
    tasks: Tasks = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", help="Replicates (supernets) of each predictor. Without a study file: 1."),
    ] = None,
    benchmark: Benchmarks = None,
    plugin: Plugins = None,
    address: Address = "local",
    num_cpus: Cpus = None,
    serial: Serial = False,
    retry_failed: Retry = False,
    device: Annotated[
        str, typer.Option("--device", help="cpu, cuda or auto, for predictors that build networks.")
    ] = "cpu",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be scored, and stop.")] = False,
    json: Json = False,
) -> None:
    """Score architectures that need no training: a whole space, or a list. Run again to resume."""
    from pipeline.commands import score as command

    chosen, named = command.study_to_score(study, predictors, tasks, trials, benchmark or [], plugin or [])
    settings = command.ScoreSettings(
        out=out, archs=archs, named=named, address=address, num_cpus=num_cpus, serial=serial,
        retry_failed=retry_failed, device=device, dry_run=dry_run, json=json,
    )  # fmt: skip
    raise typer.Exit(command.score(chosen, settings))


@app.command()
def status(directory: OutDir, json: Json = False) -> None:
    """Show how far a run is, from what it has stored."""
    from pipeline.commands import inspect

    raise typer.Exit(inspect.status(directory, json=json))


@app.command()
def results(
    directory: OutDir,
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write the full summary as CSV.")] = None,
    json: Json = False,
) -> None:
    """Show the summary table of a run."""
    from pipeline.commands import inspect

    raise typer.Exit(inspect.results(directory, csv=csv, json=json))


@app.command()
def report(directory: OutDir, json: Json = False) -> None:
    """Write the HTML report and the figures of a run into its directory."""
    from pipeline.commands import inspect

    raise typer.Exit(inspect.report(directory, json=json))


@app.command()
def compact(directory: OutDir, json: Json = False) -> None:
    """Merge the small files of a run: results, predictions, scores. Safe while others read and write."""
    from pipeline.commands import inspect

    raise typer.Exit(inspect.compact(directory, json=json))


@app.command(name="list")
def list_command(
    what: Annotated[str, typer.Argument(help="predictors, spaces or benchmarks.")],
    names: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer evaluates this at run time
        typer.Argument(metavar="[NAME]...", help="Show these only, predictors in full.", show_default=False),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option("--tasks", help="Where predictors might run: space/dataset pairs, separated by commas."),
    ] = None,
    benchmark: Benchmarks = None,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """List what there is, where it runs, and what is missing to use it."""
    from pipeline.commands import catalog
    from pipeline.commands.options import words

    raise typer.Exit(
        catalog.show(
            what,
            names or [],
            plugin or [],
            tasks=words(tasks, "--tasks") if tasks is not None else [],
            benchmarks=benchmark or [],
            json=json,
        )
    )


@app.command()
def check(
    target: Annotated[
        str, typer.Argument(metavar="PREDICTOR", help="file.py, module:Class, or a registered name.")
    ],
    json: Json = False,
) -> None:
    """Check that a predictor keeps the contract: shapes, seeds, small and odd training sets, ..."""
    from pipeline.commands import check as command

    raise typer.Exit(command.check(target, json=json))


@app.command()
def doctor(json: Json = False) -> None:
    """Check this installation and this machine."""
    from pipeline.commands import doctor as command

    raise typer.Exit(command.check(json=json))


@bench.command(name="import")
def bench_import(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="nasbench101, nasbench201 (also NATS-Bench), nasbench301-logs, nasbench301-surrogate, "
            "nasbench-nlp, naslib or suite-zero.",
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(help="The official file or folder. nb_models is unpickled: only if you trust it."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Parquet file or folder to write to.")] = Path(),
    json: Json = False,
) -> None:
    """Convert an official benchmark file into a table for --benchmark."""
    from pipeline.commands import bench as command

    raise typer.Exit(command.import_file(kind, source, out, json=json))


@bench.command(name="build")
def bench_build(
    target: Annotated[
        str, typer.Argument(metavar="SPACE|FILE", help="A search space, or a build file (YAML).")
    ],
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", help="Data set: a name, an .npz file, a folder of images, or a text file."),
    ] = None,
    archs: Annotated[int | None, typer.Option("--archs", help="Architectures to train.")] = None,
    runs: Annotated[int | None, typer.Option("--runs", help="Training runs of each.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the architectures and runs.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the build.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="field=value of the recipe; repeatable.")
    ] = None,
    plugin: Annotated[
        list[Path] | None,
        typer.Option("--plugin", help="Python file that defines a search space; repeatable."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", help="Where trainings go: a directory or URL. Default: naspred-benchmarks/<name>."
        ),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="Write the finished table to this file, not into --out.")
    ] = None,
    address: Address = "local",
    num_cpus: Cpus = None,
    gpus: Annotated[
        float, typer.Option("--gpus", help="GPU share of one training (0.25, 0.5 or 1); 0 trains on CPUs.")
    ] = 0.0,
    serial: Serial = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be trained and for how long, and stop.")
    ] = False,
    table_only: Annotated[
        bool, typer.Option("--table-only", help="Train nothing; write the table of what is finished.")
    ] = False,
    retry_failed: Retry = False,
    json: Json = False,
) -> None:
    """Make a tabular benchmark by real training. What is trained is kept; run again to resume or extend."""
    from pipeline.commands import build as command

    changes = {"dataset": dataset, "archs": archs, "runs": runs, "seed": seed, "name": name}
    chosen = command.build_from_options(target, changes, setting or [], plugin or [])
    settings = command.BuildSettings(
        out=out, table=table, address=address, num_cpus=num_cpus, gpus=gpus, serial=serial, dry_run=dry_run,
        table_only=table_only, retry_failed=retry_failed, json=json,
    )  # fmt: skip
    raise typer.Exit(command.build(chosen, settings))


@bench.command(name="info")
def bench_info(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="space/dataset, or a Parquet file.")],
    json: Json = False,
) -> None:
    """Describe a measured table."""
    from pipeline.commands import bench as command

    raise typer.Exit(command.info(name, json=json))


def main() -> None:
    """Entry point: errors of the input are messages for people, with exit code 2."""
    from tasks.errors import InputError, RunError

    try:
        app()
    except InputError as error:
        _complain(str(error))
        sys.exit(EXIT_INPUT)
    except RunError as error:
        _complain(str(error))
        sys.exit(EXIT_FAILED)


def _complain(message: str) -> None:
    sys.stderr.write(f"naspred: {message}\n")


if __name__ == "__main__":
    main()
