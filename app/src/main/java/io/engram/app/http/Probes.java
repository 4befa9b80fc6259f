package io.engram.app.http;

import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * What the health checks ask.
 *
 * @param trouble what keeps the instance from working until it is started again; empty while it is live
 * @param ready true while the instance answers recall
 */
public record Probes(Supplier<Optional<String>> trouble, BooleanSupplier ready) {}
