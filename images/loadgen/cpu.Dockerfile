# The load generator in a container: the kit's own code on Python of Debian 12, and its dependencies from wheels.
# No step needs a package index: the wheels come with the context, fetched and checked on the host.
#
# Built by `kit images build loadgen`, which makes the context:
#   wheels/            the wheels of cpu.requirements.txt, and that file as requirements.txt
#   kit/kit            this kit's code, beside it kit/schemas and kit/prompts
ARG BASE=kit/base:bookworm

FROM ${BASE} AS wheels
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY wheels/ /wheels/
# Hashes once more, inside: what is installed is what the requirements name.
RUN python3 -m pip install --no-index --find-links /wheels --no-deps --require-hashes --no-compile \
      --no-cache-dir --disable-pip-version-check --target /opt/packages -r /wheels/requirements.txt \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/packages

FROM ${BASE} AS source
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir /cell && chown 10001:10001 /cell
COPY --from=wheels /opt/packages /opt/packages
# The kit changes most often, so it comes last. Compiled here: the file system is read-only when it runs.
COPY kit/ /opt/kit/
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/kit/kit
# PYTHONSAFEPATH: a volume is mounted at /cell, and nothing in it may be taken for a module.
ENV PYTHONPATH=/opt/kit:/opt/packages PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /cell
ENTRYPOINT ["python3"]
CMD ["-m", "kit.loadgen"]
