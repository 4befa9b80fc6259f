package io.engram.schemas;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One record of a lane: usually one thing to remember, else the operation that its {@code operation} names.
 *
 * <p>Immutable as long as callers leave the arrays alone: they are shared, not copied, because this is the hot path.
 *
 * @param operation what to do
 * @param id the memory's id, at most {@value Limits#MAX_ID_BYTES} bytes; the default is {@code
 *     <session>:<lane>:<incarnation>:<sequence>}, and without a session {@code <lane>-<partition>-<offset>} of where the
 *     record was first written. Required for {@link Operation#FORGET}
 * @param position its place in the producer's session; empty when no order is checked. Required for {@link
 *     Operation#CLOSE}
 * @param content the text, at most {@value Limits#MAX_CONTENT_BYTES} bytes of UTF-8; empty unless {@link
 *     Operation#OBSERVE}
 * @param embedding finite and not all zero, {@value Limits#MIN_DIMENSION} to {@value Limits#MAX_DIMENSION} components;
 *     empty unless {@link Operation#OBSERVE}
 * @param metadata flat facts to filter by
 * @param confidence 0 to 1
 * @param observedAt when the producer saw it
 * @param settings for {@link Operation#CONFIGURE}, else {@link SpaceSettings#NONE}
 */
public record Observation(
        Operation operation,
        Optional<String> id,
        Optional<SessionPosition> position,
        String content,
        float[] embedding,
        Metadata metadata,
        OptionalDouble confidence,
        Optional<Instant> observedAt,
        SpaceSettings settings) {

    private static final float[] NO_EMBEDDING = {};

    public Observation {
        Objects.requireNonNull(operation, "operation");
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(position, "position");
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(embedding, "embedding");
        Objects.requireNonNull(metadata, "metadata");
        Objects.requireNonNull(confidence, "confidence");
        Objects.requireNonNull(observedAt, "observedAt");
        Objects.requireNonNull(settings, "settings");
    }

    /** Something to remember, without the optional fields. */
    public static Observation observe(String content, float[] embedding) {
        return new Observation(
                Operation.OBSERVE,
                Optional.empty(),
                Optional.empty(),
                content,
                embedding,
                Metadata.EMPTY,
                OptionalDouble.empty(),
                Optional.empty(),
                SpaceSettings.NONE);
    }

    /** Something to remember, as a record of a session, without the other optional fields. */
    public static Observation observe(String session, long sequence, String content, float[] embedding) {
        return observe(content, embedding).at(session, sequence);
    }

    /** An operation that needs nothing else: {@link Operation#DROP}. */
    public static Observation of(Operation operation) {
        return new Observation(
                operation,
                Optional.empty(),
                Optional.empty(),
                "",
                NO_EMBEDDING,
                Metadata.EMPTY,
                OptionalDouble.empty(),
                Optional.empty(),
                SpaceSettings.NONE);
    }

    /** An operation of a session that needs neither id nor settings: {@link Operation#CLOSE} or {@link Operation#DROP}. */
    public static Observation of(Operation operation, String session, long sequence) {
        return of(operation).at(session, sequence);
    }

    /** Forget the memory {@code id}. */
    public static Observation forget(String id) {
        return of(Operation.FORGET).withId(id);
    }

    /** Forget the memory {@code id}, as a record of a session. */
    public static Observation forget(String session, long sequence, String id) {
        return forget(id).at(session, sequence);
    }

    /** Change the settings of the space. */
    public static Observation configure(SpaceSettings settings) {
        return new Observation(
                Operation.CONFIGURE,
                Optional.empty(),
                Optional.empty(),
                "",
                NO_EMBEDDING,
                Metadata.EMPTY,
                OptionalDouble.empty(),
                Optional.empty(),
                settings);
    }

    /** Change the settings of the space, as a record of a session. */
    public static Observation configure(String session, long sequence, SpaceSettings settings) {
        return configure(settings).at(session, sequence);
    }

    public Observation withId(String newId) {
        return new Observation(
                operation,
                Optional.of(newId),
                position,
                content,
                embedding,
                metadata,
                confidence,
                observedAt,
                settings);
    }

    public Observation withMetadata(Metadata newMetadata) {
        return new Observation(
                operation, id, position, content, embedding, newMetadata, confidence, observedAt, settings);
    }

    /** The same record at a place in a session. */
    public Observation at(String session, long sequence) {
        return new Observation(
                operation,
                id,
                Optional.of(new SessionPosition(session, sequence)),
                content,
                embedding,
                metadata,
                confidence,
                observedAt,
                settings);
    }
}
