"""
Suggests the parameters of a search's next trial: what was asked and told so far comes in on standard input, one suggestion goes out.
Keeps nothing: the study is built anew each time, so that the same history and seed give the same answer on any machine.
"""

import json
import sys
from datetime import datetime, timezone

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

STATES = {
    "asked": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
# Neither the order of a study nor its suggestions hang on the time of day.
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc).replace(tzinfo=None)


def main() -> None:
    asked = json.load(sys.stdin)
    space = {name: distribution_of(each) for name, each in sorted(asked["space"].items())}
    trials = [rebuild(each, space) for each in asked["known"]]
    # One stream of random numbers a trial: with the same one for all, those that are asked for at once would be the same trial.
    sampler = optuna.samplers.TPESampler(seed=(asked["seed"] * 1_000_003 + asked["number"]) % 2**32, constant_liar=True)
    study = optuna.create_study(direction=asked["direction"], sampler=sampler)
    study.add_trials(trials)
    json.dump(study.ask(space).params, sys.stdout)


def distribution_of(asked: dict):
    if asked["type"] == "categorical":
        return CategoricalDistribution(asked["choices"])
    kind = FloatDistribution if asked["type"] == "float" else IntDistribution
    return kind(asked["low"], asked["high"], log=asked.get("log", False))


def rebuild(told: dict, space: dict):
    state = STATES[told["state"]]
    step = {told["step"]: told["value"]} if told["state"] == "pruned" else {}
    trial = create_trial(
        state=state,
        params=told["parameters"],
        distributions=space,
        value=told["value"] if told["state"] == "complete" else None,
        intermediate_values=step,
    )
    trial.datetime_start = EPOCH
    trial.datetime_complete = EPOCH if state.is_finished() else None
    return trial


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    main()
