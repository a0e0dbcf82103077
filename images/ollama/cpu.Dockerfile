# Ollama on the CPU.
#
# Three targets. `official` is Ollama's own image, named by digest in OFFICIAL; `source` compiles it; `kept` takes the
# program of an earlier build from source. Which stands first, and why: images/llamacpp/cpu.Dockerfile.
#
# Built by `kit images build ollama/cpu`, which makes the context:
#   source/            the Go module of Ollama, and the archive of llama-cpp-python
#   registries/        where go fetches modules from, by the settings of this machine
#   kept/              the program, for the target `kept`
#   extra-ca/          certificates of a company's network, if KIT_CA_BUNDLE names some
ARG OFFICIAL=scratch
ARG BASE=kit/base:trixie

FROM ${OFFICIAL} AS official
# Models are uploaded over HTTP and kept here. The file system is read-only when it runs, so this is a volume of the
# container's own, which goes away with it.
COPY --chown=10001:10001 extra-ca/README /ollama/README
ENV HOME=/ollama OLLAMA_MODELS=/ollama/models
VOLUME /ollama
USER 10001:10001

FROM ${BASE} AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libstdc++6 \
 && rm -rf /var/lib/apt/lists/*
# Models are uploaded over HTTP and kept here. The file system is read-only when it runs, so this is a volume of the
# container's own, which goes away with it.
COPY --chown=10001:10001 extra-ca/README /ollama/README
ENV HOME=/ollama OLLAMA_MODELS=/ollama/models
VOLUME /ollama
WORKDIR /tmp
EXPOSE 11434
ENTRYPOINT ["/bin/ollama"]
CMD ["serve"]

FROM base AS kept
COPY kept/ /bin/
USER 10001:10001

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates g++ golang-go unzip \
 && rm -rf /var/lib/apt/lists/*
COPY extra-ca/ /tmp/extra-ca/
RUN cat /tmp/extra-ca/*.crt >> /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true
COPY source/ /source/
# Module archives hold no folder called vendor: three header libraries come from the tree of llama.cpp instead.
RUN unzip -q /source/ollama-v*.zip -d /src \
 && mv /src/github.com/ollama/ollama@v* /src/ollama \
 && mkdir -p /src/ollama/llama/llama.cpp/vendor && cd /src/ollama/llama/llama.cpp/vendor \
 && tar -xzf /source/llama_cpp_python-*.tar.gz --strip-components=4 --wildcards \
      '*/vendor/llama.cpp/vendor/nlohmann' '*/vendor/llama.cpp/vendor/stb' '*/vendor/llama.cpp/vendor/miniaudio'
WORKDIR /src/ollama
COPY registries/ /registries/
ENV GOENV=/registries/go.env GOTOOLCHAIN=local
# go.sum of the module has the hash of each.
RUN go mod download
ARG OLLAMA_VERSION
# cgo's own flags know no SIMD. x86-64-v3 (AVX2) is what Ollama's own library for current CPUs is compiled for.
RUN CGO_CFLAGS="-O3 -march=x86-64-v3" CGO_CXXFLAGS="-O3 -march=x86-64-v3" \
    go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X=github.com/ollama/ollama/version.Version=${OLLAMA_VERSION}" -o /out/ollama .

FROM base AS source
COPY --from=build /out/ollama /bin/ollama
USER 10001:10001
