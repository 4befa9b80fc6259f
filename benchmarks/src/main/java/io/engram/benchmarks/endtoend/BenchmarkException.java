package io.engram.benchmarks.endtoend;

/** The run has no result: something failed, or work was dropped. */
final class BenchmarkException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BenchmarkException(String message) {
        super(message);
    }
}
