"""countersign models: the local classifiers."""

import os
from collections import defaultdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from countersign_local.cli.output import JsonOption, print_json, print_table, print_text, progress_bar
from countersign_local.errors import CONFIGURATION, IO, CommandError

if TYPE_CHECKING:
    from countersign_inference.training.evaluate import SignalFigures
    from countersign_inference.training.measures import Interval

app = typer.Typer(help="Local models: train, evaluate, card, list.", no_args_is_help=True)
DecisionType = Annotated[str, typer.Argument(help="For example loan_application.")]
ModelsOption = Annotated[
    Path | None, typer.Option("--models", help="Directory of models; unset: MODELS_DIR, else those that come along.")
]


class Learner(StrEnum):
    """What learns a table."""

    LOGISTIC = "logistic"
    BOOSTING = "boosting"


def _directory(named: Path | None) -> Path:
    from importlib.resources import files

    fallback = os.environ.get("MODELS_DIR") or str(files("countersign_inference") / "models")
    return named or Path(fallback)


@app.command()
def train(
    decision_type: DecisionType,
    out: Annotated[Path, typer.Option(help="Where to write the model; then name it in MODELS_DIR.")] = Path("models"),
    splits: Annotated[
        int, typer.Option(min=0, max=100, help="On how many splits to judge whether the recipe is honest; 0: none.")
    ] = 20,
    learner: Annotated[
        Learner, typer.Option(help="logistic: explained exactly. boosting: trees, whose explanations are estimates.")
    ] = Learner.LOGISTIC,
    json: JsonOption = False,
) -> None:
    """Train a model on its data, calibrate it on cases it did not see, judge it on others."""
    from countersign_inference.training.train import train as fit

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"{out} cannot be made ({error.strerror}): name a directory that is yours with --out.", IO
        ) from error
    with progress_bar(json=json) as bar:
        task = bar.add_task("starting", total=1.0)
        trained = fit(
            decision_type, out, lambda what, done: bar.update(task, description=what, completed=done), splits=splits,
            learner=learner.value,
        )  # fmt: skip
    if json:
        print_json({"manifest": str(trained.manifest), "card": trained.card.as_json()})
    else:
        errors = trained.card.certification.errors
        print_text(f"Wrote {trained.manifest}. Wrong on {errors.k} of {errors.n} cases it had never seen.")
        print_text(f"Next: countersign models card {decision_type} --models {out}")


@app.command()
def evaluate(decision_type: DecisionType, models: ModelsOption = None, json: JsonOption = False) -> None:
    """Measure a model again on the slice kept for judging."""
    from countersign_inference.training.evaluate import evaluate as measure

    card = measure(decision_type, _directory(models))
    if json:
        print_json(card.as_json())
        return
    figures = card.certification
    print_text(f"{card.name} {card.version} on {figures.n} cases it had never seen")
    rows = [{"measure": name, "value": f"{getattr(figures, name):.4f}"} for name in ("auc", "brier", "log_loss", "ece")]
    print_table(rows, ("measure", "value"))
    for name, one in (("calibration slope (1 is honest)", card.slope), ("calibration in the large (0)", card.shift)):
        print_text(f"{name}: {one.value:.2f} ({one.low:.2f} to {one.high:.2f})")
    print_text("How right proposals are, and the half with the higher values of a signal:")
    print_table([_signal(one) for one in card.signals], ("signal", "all", "surer half"))
    if card.strange.auroc is not None:
        print_text(f"Similarity tells {card.strange.n} strange rows from ordinary ones: AUROC {card.strange.auroc:.3f}")
    bands = [{"band": band.band, "wrong": band.errors.k, "of": band.errors.n} for band in card.bands]
    print_table(bands, ("band", "wrong", "of"))


def _signal(one: "SignalFigures") -> dict[str, str]:
    half = _share(one.right_of_surest_half) if one.values > 1 else "same for all"
    return {"signal": one.signal, "all": _share(one.right_of_all), "surer half": half}


def _share(share: "Interval") -> str:
    if share.share is None:
        return "no cases"
    return f"{share.share:.1%} of {share.n} ({share.low:.1%} to {share.high:.1%})"


@app.command()
def card(decision_type: DecisionType, models: ModelsOption = None, json: JsonOption = False) -> None:
    """Print a model's card: use, data, inputs, what was left out, quality, parity."""
    from countersign_inference.training.cards import CARD_JSON, read_card

    directory = _directory(models)
    page = read_card(decision_type, directory)
    if json:
        import orjson

        print_json(orjson.loads((directory / decision_type / CARD_JSON).read_bytes()))
    else:
        print_text(page)


@app.command("list")
def list_models(models: ModelsOption = None, json: JsonOption = False) -> None:
    """List the models of a directory."""
    from countersign_inference.manifest import read_manifest

    directory = _directory(models)
    if not directory.is_dir():
        raise CommandError(f"There is no directory {directory}: name one with --models or MODELS_DIR.", CONFIGURATION)
    found, live = [], defaultdict[str, list[str]](list)
    for path in sorted(directory.glob("*.yaml")):
        manifest = read_manifest(path)
        if manifest.role == "live":
            live[manifest.decision_type].append(path.name)
        found.append({
            "decision_type": manifest.decision_type,
            "scorer": manifest.scorer,
            "role": manifest.role,
            "name": getattr(manifest, "name", None),
            "version": getattr(manifest, "version", None),
        })  # fmt: skip
    if json:
        print_json(found)
    elif found:
        print_table(found, ("decision_type", "role", "scorer", "name", "version"))
    else:
        print_text(f"No models in {directory}.")
    if twice := [f"{name} ({', '.join(files)})" for name, files in live.items() if len(files) > 1]:
        raise CommandError(
            f"Inference would not start with these: more than one live model for {'; '.join(twice)}. Leave "
            "`role: live` to one, and give the others `role: shadow` or `role: method`, or move them away.",
            CONFIGURATION,
        )  # fmt: skip
