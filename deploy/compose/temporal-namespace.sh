#!/bin/sh
# Makes the namespace once; how long ended workflows are kept can be changed afterwards.
set -eu
temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" ||
  temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention 720h
