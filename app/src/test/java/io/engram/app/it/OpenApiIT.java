package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The description of the HTTP interface that an instance serves, against what it does. */
class OpenApiIT {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String VECTOR = "\"vector\":[1,2]";

    @TempDir
    private Path stateDir;

    /** What was called, to know what was not. */
    private final Set<String> called = new TreeSet<>();

    private JsonNode description;

    @Test
    void shouldDescribeEveryRouteOfTheCode() throws IOException {
        Set<String> routes = new TreeSet<>();
        Pattern route = Pattern.compile("routes\\.(get|post|put|delete)\\(\\s*\"(/[^\"]+)\"");
        try (Stream<Path> sources = Files.walk(Path.of("src/main/java/io/engram/app/http"))) {
            for (Path source : sources.filter(file -> file.toString().endsWith("Routes.java"))
                    .toList()) {
                Matcher matcher = route.matcher(Files.readString(source));
                while (matcher.find()) {
                    routes.add(matcher.group(1) + " " + matcher.group(2));
                }
            }
        }
        description = MAPPER.readTree(OpenApiIT.class.getResourceAsStream("/io/engram/app/http/openapi.json"));
        assertThat(operations()).isEqualTo(routes).hasSizeGreaterThan(15);
    }

    private Set<String> operations() {
        Set<String> operations = new TreeSet<>();
        description
                .path("paths")
                .properties()
                .forEach(path -> path.getValue()
                        .fieldNames()
                        .forEachRemaining(method -> operations.add(method + " " + path.getKey())));
        return operations;
    }

    @Test
    void shouldAnswerEveryOperationAsDescribed() throws IOException, InterruptedException {
        try (Instance instance = Instance.start("openapi", stateDir, "partitions=1")) {
            description = Instance.json(instance.get("/openapi.json"));
            String observation = "{\"id\":\"a\",\"content\":\"c\",\"embedding\":[1,2],\"metadata\":{\"k\":[\"v\"]},"
                    + "\"confidence\":0.5,\"observed_at\":\"2026-11-23T10:00:00Z\"}";
            requireAnswer(
                    post(instance, "/v1/spaces/s/observations?wait=indexed", observation),
                    "post /v1/spaces/{space}/observations",
                    200);
            requireAnswer(
                    post(instance, "/v1/spaces/s/observations", "{\"content\":\"c\",\"embedding\":[1,3]}"),
                    "post /v1/spaces/{space}/observations",
                    202);
            requireAnswer(
                    post(instance, "/v1/spaces/s/observations", "{\"content\":7}"),
                    "post /v1/spaces/{space}/observations",
                    400);
            requireAnswer(
                    post(instance, "/v1/spaces/s/recall", "{" + VECTOR + ",\"include\":[\"embedding\"]}"),
                    "post /v1/spaces/{space}/recall",
                    200);
            requireAnswer(
                    post(instance, "/v1/spaces/s/recall", "{\"vector\":[1]}"), "post /v1/spaces/{space}/recall", 400);
            requireAnswer(
                    post(instance, "/v1/spaces/none/recall", "{" + VECTOR + "}"),
                    "post /v1/spaces/{space}/recall",
                    404);
            requireAnswer(
                    post(
                            instance,
                            "/v1/spaces/s/recall",
                            "{" + VECTOR + ",\"timeout_ms\":1,\"min_offsets\":{\"low-0\":9}}"),
                    "post /v1/spaces/{space}/recall",
                    504);
            requireAnswer(
                    post(instance, "/v1/recall", "{\"spaces\":[\"s\",\"none\"]," + VECTOR + "}"),
                    "post /v1/recall",
                    200);
            get(instance, "/v1/spaces/s/memories/a?include=embedding", "/v1/spaces/{space}/memories/{id}", 200);
            get(instance, "/v1/spaces/s/memories/b", "/v1/spaces/{space}/memories/{id}", 404);
            get(instance, "/v1/spaces", "/v1/spaces", 200);
            get(instance, "/v1/spaces?prefix=s&limit=1", "/v1/spaces", 200);
            get(instance, "/v1/spaces?limit=0", "/v1/spaces", 400);
            get(instance, "/v1/spaces/s/settings", "/v1/spaces/{space}/settings", 200);
            requireAnswer(
                    put(instance, "/v1/spaces/s/settings?wait=indexed", "{\"ttl_ms\":86400000}"),
                    "put /v1/spaces/{space}/settings",
                    200);
            instance.send(Lane.HIGH, "s", Observation.observe("mine", 1, "c", new float[] {2, 1}));
            instance.flush();
            instance.awaitMemories(3);
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> instance.get("/v1/sessions/s/high/mine").statusCode() == 200);
            get(instance, "/v1/sessions/s/high/mine", "/v1/sessions/{space}/{lane}/{session}", 200);
            get(instance, "/v1/spaces/s/records/high/0", "/v1/spaces/{space}/records/{lane}/{offset}", 200);
            get(instance, "/v1/backpressure", "/v1/backpressure", 200);
            get(instance, "/v1/rejections", "/v1/rejections", 200);
            get(instance, "/v1/cluster", "/v1/cluster", 200);
            requireAnswer(post(instance, "/v1/snapshot", ""), "post /v1/snapshot", 200);
            requireAnswer(post(instance, "/v1/verify", ""), "post /v1/verify", 200);
            requireAnswer(
                    delete(instance, "/v1/spaces/s/memories/a?wait=indexed"),
                    "delete /v1/spaces/{space}/memories/{id}",
                    200);
            requireAnswer(delete(instance, "/v1/spaces/s/memories/a"), "delete /v1/spaces/{space}/memories/{id}", 202);
            requireAnswer(delete(instance, "/v1/spaces/s"), "delete /v1/spaces/{space}", 202);
            for (String path : List.of("/livez", "/readyz", "/openapi.json")) {
                assertThat(instance.get(path).statusCode()).isEqualTo(200);
                called.add("get " + path);
            }
        }
        assertThat(called).as("operations that were called").isEqualTo(operations());
    }

    @Test
    void shouldRefuseQueryParametersThatNobodyReads() throws IOException, InterruptedException {
        try (Instance instance = Instance.start("query", stateDir, "partitions=1")) {
            description = Instance.json(instance.get("/openapi.json"));
            int refused = 0;
            for (String operation : operations()) {
                String[] parts = operation.split(" ", 2);
                if (!parts[1].startsWith("/v1/")) {
                    continue; // for health checkers, which may send what they like
                }
                String path = parts[1].replace("{lane}", "high")
                        .replace("{offset}", "0")
                        .replaceAll("\\{[a-z]+}", "s");
                HttpResponse<String> answer = instance.request(
                        HttpRequest.newBuilder()
                                .header("Content-Type", "application/json")
                                .method(
                                        parts[0].toUpperCase(Locale.ROOT),
                                        HttpRequest.BodyPublishers.ofString(parts[0].equals("get") ? "" : "{}")),
                        path + "?limt=3");
                assertThat(answer.statusCode()).as(operation).isEqualTo(400);
                assertThat(answer.body()).as(operation).contains("unknown query parameter 'limt'");
                refused++;
            }
            assertThat(refused).isGreaterThan(13);
        }
    }

    private static HttpResponse<String> post(Instance instance, String path, String json) {
        return instance.post(path, json);
    }

    private static HttpResponse<String> put(Instance instance, String path, String json) {
        return instance.request(
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/json")
                        .PUT(HttpRequest.BodyPublishers.ofString(json)),
                path);
    }

    private static HttpResponse<String> delete(Instance instance, String path) {
        return instance.request(HttpRequest.newBuilder().DELETE(), path);
    }

    private void get(Instance instance, String path, String template, int status) {
        requireAnswer(instance.get(path), "get " + template, status);
    }

    /** The status is the expected one, it is described, and the body is as its schema says. */
    private void requireAnswer(HttpResponse<String> response, String operation, int status) {
        assertThat(response.statusCode()).as(operation + ": " + response.body()).isEqualTo(status);
        called.add(operation);
        String[] parts = operation.split(" ");
        JsonNode described = description
                .path("paths")
                .path(parts[1])
                .path(parts[0])
                .path("responses")
                .path(Integer.toString(status));
        if (described.has("$ref")) {
            described = description.at(described.path("$ref").asText().substring(1));
        }
        String type =
                response.headers().firstValue("Content-Type").orElseThrow().replaceFirst(";.*", "");
        JsonNode schema = described.path("content").path(type).path("schema");
        assertThat(schema.isMissingNode())
                .as(operation + " answers " + status + " with " + type + ", which is not described")
                .isFalse();
        ObjectNode whole = schema.deepCopy();
        whole.set("components", description.path("components"));
        List<Error> errors = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(whole)
                .validate(Instance.json(response));
        assertThat(new ArrayList<>(errors))
                .as(operation + ": " + response.body())
                .isEmpty();
    }
}
