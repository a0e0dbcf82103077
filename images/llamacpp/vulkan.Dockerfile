# llama.cpp's llama-server with Vulkan, and Mesa's drivers: AMD, Intel, and llvmpipe in software.
#
# Two targets, as in cpu.Dockerfile: `official` is the runtime's own image, named in OFFICIAL and otherwise
# `scratch`, so that a build of `source` passes it at no cost; `source` compiles llama.cpp.
#
# Built by `kit images build llamacpp/vulkan`, which makes the context:
#   source/            the archive of llama-cpp-python, which carries the tree of llama.cpp
ARG OFFICIAL=scratch
ARG BASE=kit/base:trixie

FROM ${OFFICIAL} AS official
USER 10001:10001

# --- what follows, up to the next line like this one, is the same in cpu.Dockerfile: both share one build ---
FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake g++ ninja-build \
 && rm -rf /var/lib/apt/lists/*
ADD source/llama_cpp_python-*.tar.gz /src/
# The archive is no git checkout: without these two the server would call itself "b0-unknown".
ARG LLAMA_BUILD_NUMBER
ARG LLAMA_BUILD_COMMIT
# As upstream's own images: not for the CPU that happens to build it (GGML_NATIVE), but one library for each
# generation of CPUs, of which the server loads the best at start and says so in its log.
RUN cmake -S /src/*/vendor/llama.cpp -B /build -G Ninja \
      -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_RPATH='$ORIGIN' -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
      -DBUILD_SHARED_LIBS=ON -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DGGML_NATIVE=OFF \
      -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
      -DLLAMA_OPENSSL=OFF \
      -DLLAMA_BUILD_NUMBER="${LLAMA_BUILD_NUMBER}" -DLLAMA_BUILD_COMMIT="${LLAMA_BUILD_COMMIT}" \
 && cmake --build /build --target llama-server
# --- end of what is the same ---
# On top of the CPU build, out of the cache if the CPU image was built before: one more library, which the server
# loads if it is there.
RUN apt-get update \
 && apt-get install -y --no-install-recommends glslc libvulkan-dev spirv-headers \
 && rm -rf /var/lib/apt/lists/*
RUN cmake -S /src/*/vendor/llama.cpp -B /build -DGGML_VULKAN=ON \
 && cmake --build /build --target llama-server \
 && mkdir /app && cp -P /build/bin/llama-server /build/bin/*.so* /app/

FROM ${BASE} AS source
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 libvulkan1 mesa-vulkan-drivers \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app /app
USER 10001:10001
WORKDIR /app
EXPOSE 8080
ENTRYPOINT ["/app/llama-server"]
