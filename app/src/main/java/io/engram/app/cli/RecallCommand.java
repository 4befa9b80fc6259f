package io.engram.app.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.cli.ExitCodes.CommandFailedException;
import io.engram.app.query.Peers;
import io.engram.schemas.StrictJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Asks an instance for the nearest memories. */
@Command(
        name = "recall",
        description = "Find the memories nearest to a vector, to another memory, or to a file of queries.",
        mixinStandardHelpOptions = true)
public final class RecallCommand implements Callable<Integer> {
    private static final ObjectMapper MAPPER = StrictJson.MAPPER; // a decimal of 25 digits keeps them

    @Spec
    private CommandSpec spec;

    @Mixin
    private InstanceOption instance;

    @Option(names = "--space", description = "Memory space; queries of a file may name their own.")
    private Optional<String> space = Optional.empty();

    @ArgGroup(multiplicity = "1")
    private Query query;

    private static final class Query {
        @Option(names = "--vector", description = "JSON array of numbers, or base64 of little-endian float32.")
        private Optional<String> vector = Optional.empty();

        @Option(names = "--like", paramLabel = "ID", description = "Memories similar to this one.")
        private Optional<String> like = Optional.empty();

        @Option(
                names = "--queries",
                paramLabel = "FILE",
                description =
                        "Lines of {\"space\", \"embedding\", \"nearest\": [{\"id\", \"similarity\"}]}: measures recall and time.")
        private Optional<Path> queries = Optional.empty();
    }

    @Option(names = "-k", description = "How many; default ${DEFAULT-VALUE}.", defaultValue = "10")
    private int k;

    @Option(names = "--min-similarity", description = "Leave out what is less similar.")
    private Optional<Double> minSimilarity = Optional.empty();

    @Option(names = "--filter", paramLabel = "JSON", description = "Conditions on metadata.")
    private Optional<String> filter = Optional.empty();

    @Option(names = "--json", description = "Print the answer as JSON.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException, IOException {
        ApiClient client = instance.client();
        if (query.queries.isPresent()) {
            QueryFile.Report report = QueryFile.run(client, query.queries.get(), space, k);
            spec.commandLine()
                    .getOut()
                    .println(json ? MAPPER.valueToTree(report).toString() : report.text());
            spec.commandLine().getOut().flush();
            return ExitCodes.OK;
        }
        String named = space.orElseThrow(() -> new ParameterException(spec.commandLine(), "Missing --space"));
        JsonNode answer = client.post("/v1/spaces/" + Peers.segment(named) + "/recall", body(client, named));
        if (json) {
            spec.commandLine().getOut().println(answer);
        } else {
            print(answer);
        }
        spec.commandLine().getOut().flush();
        return ExitCodes.OK;
    }

    private ObjectNode body(ApiClient client, String named) throws InterruptedException {
        ObjectNode body = MAPPER.createObjectNode().put("k", k);
        if (query.like.isPresent()) {
            String path = "/v1/spaces/" + Peers.segment(named) + "/memories/" + Peers.segment(query.like.get());
            body.set("vector", client.get(path + "?include=embedding").get("embedding"));
        } else {
            String vector = query.vector.orElseThrow();
            body.set("vector", vector.startsWith("[") ? parse("--vector", vector) : MAPPER.valueToTree(vector));
        }
        minSimilarity.ifPresent(least -> body.put("min_similarity", least));
        filter.ifPresent(conditions -> body.set("filter", parse("--filter", conditions)));
        return body;
    }

    private static JsonNode parse(String option, String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new CommandFailedException(option + " is not JSON: " + e.getOriginalMessage());
        }
    }

    private void print(JsonNode answer) {
        int rank = 0;
        for (JsonNode result : answer.path("results")) {
            spec.commandLine()
                    .getOut()
                    .printf(
                            Locale.ROOT,
                            "%3d  %.4f  %s  %s%n",
                            ++rank,
                            result.path("similarity").asDouble(),
                            result.path("id").asText(),
                            result.path("content").asText());
        }
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%d memories in %.1f ms from %s%n",
                        rank,
                        answer.path("took_ms").asDouble(),
                        answer.path("served_by").asText());
    }
}
