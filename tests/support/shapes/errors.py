"""The errors of servers and of what stands before them: the status and the server's own words are kept."""

from __future__ import annotations

import json

from tests.support.shapes.shape import ANY, DONE, ROLE, SIBLING, STOP, TEXT, Http, Item, Shape, failed
from tests.support.streams import event

TOO_LONG = "The prompt has 5000 tokens, the context 4096."
SAID_TWO = " one two"
BUSY = "The engine is overloaded."
NGINX = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body></html>"
CLOUDFLARE = "<!DOCTYPE html><html><head><title>h | 524: A timeout occurred</title></head></html>"
ENVOY = "https://www.envoyproxy.io/docs/envoy/latest/faq/debugging/why_is_envoy_sending_internal_responses"
NGINX_SIZE = "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size"
ONLYOFFICE = "https://api.onlyoffice.com/docspace/api-backend/usage-api/models/ai-open-ai-stream-error"
FASTAPI = "https://fastapi.tiangolo.com/tutorial/handling-errors/"
README = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"


def openai_error(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400, **more}}


def answered(status: str, body: object) -> tuple[tuple[Item, ...], Http]:
    """The parts of a shape that is a plain answer with a status."""
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if text.startswith("<") else "application/json"
    return (text.encode(),), Http("length", f"HTTP/1.1 {status}", f"Content-Type: {kind}")


STATUSES: tuple[tuple[str, str, str, str, object, str], ...] = (
    ("vllm-400", "vLLM", "vllm-project/vllm#4667", "400 Bad Request",
     {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "param": None, "code": 400}, TOO_LONG),
    ("vllm-400-nested", "vLLM", "vllm-project/vllm#33418", "400 Bad Request", openai_error(TOO_LONG), TOO_LONG),
    ("vllm-401", "vLLM", "vllm-project/vllm#22407", "401 Unauthorized", {"error": "Unauthorized"}, "Unauthorized"),
    ("vllm-404", "vLLM", "vllm-project/production-stack#150", "404 Not Found",
     openai_error("The model `x` does not exist.", type="NotFoundError", code=404),
     "The model `x` does not exist."),
    ("fastapi-404", "FastAPI", FASTAPI, "404 Not Found",
     {"detail": "Not Found"}, "Not Found"),
    ("fastapi-422", "FastAPI", FASTAPI, "422 Unprocessable Entity",
     {"detail": [{"loc": ["body", "seed"], "msg": "extra fields not permitted", "type": "value_error.extra"}]},
     "extra fields not permitted"),
    ("llamacpp-400", "llama.cpp", "ggml-org/llama.cpp#15780", "400 Bad Request",
     {"error": {"code": 400, "message": TOO_LONG, "type": "exceed_context_size_error", "n_prompt_tokens": 5000,
                "n_ctx": 4096}}, TOO_LONG),
    ("llamacpp-401", "llama.cpp", "ggml-org/llama.cpp#22232", "401 Unauthorized",
     {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}, "Invalid API Key"),
    ("llamacpp-503", "llama.cpp", README,
     "503 Service Unavailable", {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
     "Loading model"),
    ("ollama-404", "Ollama", "netease-youdao/QAnything#555", "404 Not Found",
     {"error": {"message": 'model "x" not found, try pulling it first', "type": "api_error"}},
     'model "x" not found'),
    ("ollama-404-plain", "Ollama", "TheBlewish/Automated-AI-Web-Researcher-Ollama#42", "404 Not Found",
     {"error": "model 'x' not found"}, "model 'x' not found"),
    ("tgi-429", "TGI", "huggingface/text-generation-inference#439", "429 Too Many Requests",
     {"error": "Model is overloaded", "error_type": "overloaded"}, "Model is overloaded"),
    ("litellm-401", "LiteLLM", "BerriAI/litellm#39757", "401 Unauthorized",
     {"error": {"message": "No api key passed in.", "type": "auth_error", "param": "None", "code": "401"}},
     "No api key passed in."),
    ("openrouter-402", "OpenRouter", "https://openrouter.ai/docs/api/reference/errors-and-debugging",
     "402 Payment Required", {"error": {"code": 402, "message": "Add more credits.", "metadata": {}}},
     "Add more credits."),
    ("anthropic-529", "Anthropic", "anthropics/anthropic-sdk-typescript#616", "529 Overloaded",
     {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "Overloaded"),
    ("gpustack-400", "llama-box", "gpustack/gpustack#1845", "400 Bad Request",
     {"error": {"code": 400, "message": TOO_LONG, "type": "invalid_request_error"}, "detail": TOO_LONG}, TOO_LONG),
    ("uvicorn-500", "uvicorn", "https://www.starlette.io/exceptions/", "500 Internal Server Error",
     "Internal Server Error", "Internal Server Error"),
    ("envoy-503", "Envoy", ENVOY, "503 Service Unavailable",
     "upstream connect error or disconnect/reset before headers. reset reason: overflow",
     "upstream connect error"),
    ("nginx-502", "nginx", "singnet/Omega#351", "502 Bad Gateway", NGINX.format("502 Bad Gateway"),
     "502 Bad Gateway"),
    ("haproxy-504", "HAProxy", "Mintplex-Labs/anything-llm#1722", "504 Gateway Time-out",
     "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>",
     "504 Gateway Time-out"),
    ("cloudflare-524", "Cloudflare", "acheong08/ChatGPT#1485", "524 ", CLOUDFLARE, "524"),
    ("nginx-413", "nginx", NGINX_SIZE, "413 Request Entity Too Large",
     NGINX.format("413 Request Entity Too Large"), "413 Request Entity Too Large"),
    ("empty-401", "LiteLLM", "BerriAI/litellm#1554", "401 Unauthorized", "", "401"),
    ("redirect", "FastAPI", "https://fastapi.tiangolo.com/reference/fastapi/", "307 Temporary Redirect", "",
     "307"),
)  # fmt: skip

TWO = (ROLE, *TEXT[:2])
STREAMED: tuple[tuple[str, str, str, str, tuple[Item, ...], str], ...] = (
    ("object", "OpenAI", ONLYOFFICE, "an `error` with a message behind two words",
     (*TWO, openai_error(BUSY), DONE), BUSY),
    ("nested-and-done", "SGLang", "BerriAI/litellm#25492", "an error as the only event, then `[DONE]`",
     ({"error": {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "code": 400}}, DONE),
     TOO_LONG),
    ("word", "MLX servers", "Blaizzy/nativ#195", "an `error` that is a string", (*TWO, {"error": BUSY}), BUSY),
    ("object-error", "vLLM", "vllm-project/vllm#4667", 'a chunk whose `object` is "error"',
     (*TWO, {"object": "error", "message": BUSY, "code": 500}), BUSY),
    ("with-type", "TGI", "huggingface/huggingface_hub#2558", "an `error` and an `error_type`",
     ({"error": TOO_LONG, "error_type": "validation"},), TOO_LONG),
    ("number", "any", SIBLING, "an `error` with a code only", (*TWO, {"error": {"code": 503}}), "503"),
    ("with-chunk", "OpenRouter", "https://openrouter.ai/docs/api-reference/streaming",
     'an `error` beside a choice with the finish reason "error"',
     (*TWO, {"error": {"code": "server_error", "message": BUSY}, "model": "m",
             "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}), BUSY),
    ("named", "LM Studio", "zendev-sh/goai#110", "the event `error`, its data with an `error`",
     (*TWO, b"event: error\n" + event({"error": {"message": BUSY}, "message": BUSY})), BUSY),
    ("named-bare", "gateways", SIBLING, "the event `error`, its data a message",
     (*TWO, b"event: error\n" + event({"message": BUSY})), BUSY),
    ("named-text", "gateways", "WHATWG SSE", "the event `error`, its data plain text",
     (*TWO, b"event: error\n" + event(BUSY)), BUSY),
    ("named-anthropic", "Anthropic", "BerriAI/litellm#4562", "the event `error` in Anthropic's form",
     (*TWO, b"event: error\n" + event({"type": "error", "error": {"type": "overloaded_error", "message": BUSY}})),
     BUSY),
    ("detail", "any", SIBLING, "an `error` with a `detail`",
     (*TWO, {"error": {"detail": BUSY}}), BUSY),
    ("behind-finish", "LiteLLM", "BerriAI/litellm#39748", "an `error` behind the finish reason",
     (*TWO, STOP, openai_error(BUSY), DONE), BUSY),
)  # fmt: skip
JSON_200 = Http("length", headers="Content-Type: application/json")
WHOLE: dict[str, object] = {
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": " one"}, "finish_reason": "stop"}],
}


def status_shape(name: str, server: str, source: str, status: str, body: object, words: str) -> Shape:
    stream, http = answered(status, body)
    return Shape(f"status-{name}", server, source, f"status {status}", stream, failed("http_status", words), http)


def error_shape(name: str, server: str, source: str, sends: str, stream: tuple[Item, ...], words: str) -> Shape:
    said = SAID_TWO if stream[0] is ROLE else ""
    return Shape(f"error-{name}", server, source, sends, stream, failed("error_event", words, said, finish=ANY))


SHAPES = (
    *(status_shape(*row) for row in STATUSES),
    *(error_shape(*row) for row in STREAMED),
    Shape(
        "error-as-field",
        "llama.cpp",
        "ggml-org/llama.cpp#16109",
        "the field `error` instead of `data`, before any text",
        (b"error: " + json.dumps({"code": 400, "message": TOO_LONG}).encode() + b"\n\n",),
        failed("error_event", TOO_LONG, finish=ANY),
    ),
    Shape(
        "error-json-with-200",
        "llama.cpp",
        "ggml-org/llama.cpp#16486",
        "status 200, and the body is the JSON of an error",
        (json.dumps({"error": {"code": 400, "message": TOO_LONG}}).encode(),),
        failed("empty", TOO_LONG),
        JSON_200,
    ),
    Shape(
        "error-page-with-200",
        "single-page applications",
        SIBLING,
        "status 200, and the body is a web page",
        (b"<!doctype html><html><head><title>Chat</title></head></html>",),
        failed("empty", "no events: Chat"),
        Http("length", headers="Content-Type: text/html"),
    ),
    Shape(
        "error-unstreamed",
        "any",
        SIBLING,
        "the whole answer as one JSON, though a stream was asked for",
        (json.dumps(WHOLE).encode(),),
        failed("empty", "chat.completion"),
        JSON_200,
    ),
    Shape(
        "error-unstreamed-event",
        "any",
        SIBLING,
        "the whole answer as one event, in `message` instead of `delta`",
        (WHOLE, DONE),
        failed("empty", "no text", finish=ANY),
    ),
    Shape(
        "error-ollama-native",
        "Ollama",
        "https://docs.ollama.com/api/streaming",
        "lines of JSON in Ollama's own form instead of an event stream",
        tuple(
            json.dumps({"model": "m", "message": {"content": word}}).encode() + b"\n" for word in (" one", " two")
        ),
        failed("empty"),
        Http(headers="Content-Type: application/x-ndjson"),
    ),
    Shape(
        "error-anthropic-native",
        "Anthropic",
        "https://docs.anthropic.com/en/api/messages-streaming",
        "a good answer in the form of another interface",
        tuple(
            f"event: {item['type']}\n".encode() + event(item)
            for item in (
                {"type": "message_start", "message": {"role": "assistant", "content": []}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " one"}},
                {"type": "message_stop"},
            )
        ),
        failed("empty"),
    ),
    Shape(
        "error-closed-at-once",
        "any",
        "rfc9112#8",
        "the connection is closed without an answer",
        (),
        failed("protocol", "without an answer"),
        Http("close", "", "", then="close"),
    ),
    Shape(
        "error-empty-stream",
        "any",
        "iflytek/astron-agent#1568",
        "status 200 and an empty body",
        (),
        failed("empty"),
    ),
    Shape(
        "error-no-content",
        "gateways",
        "rfc9110#15.3.5",
        "status 204",
        (),
        failed("empty", "no events"),
        Http("close", "HTTP/1.1 204 No Content", ""),
    ),
    Shape(
        "error-not-http",
        "any",
        "rfc9112#2.1",
        "a line of another protocol",
        (b"SSH-2.0-OpenSSH_9.2\r\n",),
        failed("protocol", "status line"),
        Http("close", "", "", then="close"),
    ),
)
