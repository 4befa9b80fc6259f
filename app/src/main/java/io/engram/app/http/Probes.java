package io.engram.app.http;

import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * What the health checks ask.
 *
 * @param trouble what keeps the instance from working until it is started again; empty while it is live
 * @param ready true while the instance answers recall
 * @param notices what people should know, whether it is ready or not: topics that were changed
 */
public record Probes(Supplier<Optional<String>> trouble, BooleanSupplier ready, Supplier<List<String>> notices) {}
