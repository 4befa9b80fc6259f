package io.engram.app.http;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.MinimalPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.query.UnavailableException;
import io.engram.topology.recall.RecallOutcome.Recalled;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The answer to a recall, written result by result: what was found and is not held is read a few at a time, when it is
 * its turn.
 *
 * @param results best first
 * @param about everything besides
 */
record RecallAnswer(List<Result> results, ObjectNode about) {
    private static final int BATCH = 10;

    /** A result, from here or from another instance. */
    sealed interface Result {
        double similarity();

        /** Found here; {@code space} is given when the answer is of several. */
        record Here(Recalled recalled, Optional<String> space) implements Result {
            @Override
            public double similarity() {
                return recalled.similarity();
            }
        }

        /** Found elsewhere. */
        record There(PeerAnswer.Result result, String space) implements Result {
            @Override
            public double similarity() {
                return result.similarity();
            }
        }
    }

    /**
     * Reads what was found and is not held; empty when it is not there any more.
     *
     * <p>Throws {@link UnavailableException} when its partition is not.
     */
    interface Reader {
        Optional<Recalled> read(Optional<String> space, Recalled found);
    }

    /**
     * Writes the answer as one object.
     *
     * @throws IOException when the client does not take it
     */
    void writeJson(OutputStream to, Set<String> include, Reader reader) throws IOException {
        JsonGenerator out = JsonBody.MAPPER.getFactory().createGenerator(to, JsonEncoding.UTF8);
        out.writeStartObject();
        out.writeArrayFieldStart("results");
        for (int from = 0; from < results.size(); from += BATCH) {
            writeBatch(out, from, include, reader);
        }
        out.writeEndArray();
        for (Map.Entry<String, JsonNode> field : about.properties()) {
            out.writeFieldName(field.getKey());
            out.writeTree(field.getValue());
        }
        out.writeEndObject();
        out.close();
    }

    /** As {@link #writeJson}, but in lines of ten results, and a line that says how the search went. */
    void writeLines(OutputStream to, Set<String> include, Reader reader) throws IOException {
        JsonGenerator out = JsonBody.MAPPER.getFactory().createGenerator(to, JsonEncoding.UTF8);
        out.setPrettyPrinter(new MinimalPrettyPrinter("\n"));
        for (int from = 0; from < results.size(); from += BATCH) {
            out.writeStartObject();
            out.writeArrayFieldStart("results");
            writeBatch(out, from, include, reader);
            out.writeEndArray();
            out.writeEndObject();
        }
        out.writeTree(about.deepCopy().put("done", true));
        out.writeRaw('\n');
        out.close();
    }

    /** What cannot be read any more, its partition being served elsewhere by now, makes the answer a partial one. */
    private Optional<Recalled> read(Reader reader, Result.Here here) {
        try {
            return reader.read(here.space(), here.recalled());
        } catch (UnavailableException e) {
            about.put("partial", true);
            return Optional.empty();
        }
    }

    private void writeBatch(JsonGenerator out, int from, Set<String> include, Reader reader) throws IOException {
        for (Result result : results.subList(from, Math.min(from + BATCH, results.size()))) {
            if (result instanceof Result.There there) {
                out.writeRawValue(there.result().json(there.space()));
            } else if (result instanceof Result.Here here) {
                Optional<Recalled> held = Optional.of(here.recalled())
                        .filter(found -> found.memory().isPresent())
                        .or(() -> read(reader, here));
                if (held.isPresent()) {
                    ObjectNode json = MemoryJson.recalled(held.get(), include);
                    here.space().ifPresent(space -> json.put("space", space));
                    out.writeTree(json);
                }
            }
        }
    }
}
