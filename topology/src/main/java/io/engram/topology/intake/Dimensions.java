package io.engram.topology.intake;

import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.topology.format.SpaceRecord;
import java.util.Optional;

/** The rule that all embeddings of a space have one dimension. */
final class Dimensions {
    private Dimensions() {}

    /** What is wrong with the observation's dimension for that space, if anything is. */
    static Optional<String> mismatch(SpaceRecord space, Observation observation) {
        if (!space.exists()) {
            return Optional.empty();
        }
        if (observation.operation() == Operation.OBSERVE && observation.embedding().length != space.dimension()) {
            return Optional.of(
                    "embedding has %d dimensions, but this space has %d; embed with the same model, or use another space"
                            .formatted(observation.embedding().length, space.dimension()));
        }
        int configured = observation.settings().dimension().orElse(space.dimension());
        if (observation.operation() == Operation.CONFIGURE && configured != space.dimension()) {
            return Optional.of("settings.dimension %d differs from the space's %d, which is fixed; drop the space first"
                    .formatted(configured, space.dimension()));
        }
        return Optional.empty();
    }
}
