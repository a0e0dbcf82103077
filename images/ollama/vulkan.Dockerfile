# Ollama's own image with Mesa's Vulkan drivers for AMD and Intel, which it lacks (it has only the loader). Not built
# by the kit's makers, who have no registry.
#
# Built by `kit images build ollama/vulkan`, which names the image by digest in OFFICIAL.
ARG OFFICIAL=scratch

FROM ${OFFICIAL} AS official
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends mesa-vulkan-drivers \
 && rm -rf /var/lib/apt/lists/*
# Models are uploaded over HTTP and kept here. The file system is read-only when it runs, so this is a volume of the
# container's own, which goes away with it.
COPY --chown=10001:10001 extra-ca/README /ollama/README
ENV HOME=/ollama OLLAMA_MODELS=/ollama/models
VOLUME /ollama
USER 10001:10001
