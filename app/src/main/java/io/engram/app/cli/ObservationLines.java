package io.engram.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.cli.ExitCodes.CommandFailedException;
import io.engram.schemas.Decoded;
import io.engram.schemas.FieldException;
import io.engram.schemas.MemorySpaces;
import io.engram.schemas.ObservationCodec;
import io.engram.schemas.StrictJson;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Lines of JSON to records: either an observation, or {@code {"space": …, "observation": {…}}}. Given a session,
 * observations without one are numbered in it, space by space.
 */
public final class ObservationLines {
    private final Optional<String> defaultSpace;
    private final Optional<String> session;
    private final Map<String, Long> lastSequences = new HashMap<>();
    private long lines;

    /** A record to send. */
    public record Line(String space, byte[] value) {}

    /**
     * @param defaultSpace of lines that name none
     * @param session of observations that name none; empty to leave them without
     */
    public ObservationLines(Optional<String> defaultSpace, Optional<String> session) {
        this.defaultSpace = defaultSpace;
        this.session = session;
    }

    /**
     * The record of the next line.
     *
     * @throws CommandFailedException when the line is no valid observation; the message names the line
     */
    public Line next(String text) {
        lines++;
        ObjectNode observation = parse(text);
        String space = observation.path("space").asText(defaultSpace.orElse(""));
        if (observation.has("observation")) {
            observation = object(observation.get("observation"));
        }
        if (!MemorySpaces.isValid(space)) {
            throw failed("names no legal memory space (" + MemorySpaces.RULE + "); add \"space\" or use --space");
        }
        if (session.isPresent() && !observation.has("session") && !observation.has("sequence")) {
            observation.put("session", session.get()).put("sequence", lastSequences.merge(space, 1L, Long::sum));
        }
        byte[] value = observation.toString().getBytes(StandardCharsets.UTF_8);
        if (ObservationCodec.decode(Optional.of(value)) instanceof Decoded.Malformed malformed) {
            throw failed("is not valid: " + malformed.detail());
        }
        return new Line(space, value);
    }

    private ObjectNode parse(String text) {
        try {
            return StrictJson.readObject("the line", text.getBytes(StandardCharsets.UTF_8), "embedding");
        } catch (FieldException e) {
            throw failed("cannot be taken: " + e.getMessage());
        }
    }

    private ObjectNode object(JsonNode node) {
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw failed("is not a JSON object");
    }

    private CommandFailedException failed(String problem) {
        return new CommandFailedException("line " + lines + " " + problem);
    }
}
