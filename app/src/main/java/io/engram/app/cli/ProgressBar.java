package io.engram.app.cli;

import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Progress on standard error: a bar that redraws itself on a terminal, nothing elsewhere. Not thread-safe. */
public final class ProgressBar {
    private static final int WIDTH = 30;
    private static final long REDRAW_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final PrintStream out;
    private final boolean enabled;
    private final String label;
    private final long total;
    private final long startNanos = System.nanoTime();
    private long drawnNanos;

    /**
     * @param total units in all, 0 when unknown
     */
    public ProgressBar(PrintStream out, boolean enabled, String label, long total) {
        this.out = out;
        this.enabled = enabled;
        this.label = label;
        this.total = total;
    }

    /** True when standard error is a terminal, as far as Java can tell. */
    public static boolean onTerminal() {
        return System.console() != null && System.getenv("TERM") != null;
    }

    /** So many units are done. */
    public void update(long done) {
        long now = System.nanoTime();
        if (enabled && now - drawnNanos >= REDRAW_NANOS) {
            drawnNanos = now;
            draw(done);
        }
    }

    /** Draws the last state and ends the line. */
    public void finish(long done) {
        if (enabled) {
            draw(done);
            out.println();
        }
    }

    private void draw(long done) {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        String rate = String.format(Locale.ROOT, "%,.0f/s", seconds > 0 ? done / seconds : 0);
        if (total > 0) {
            int filled = (int) Math.min(WIDTH, done * WIDTH / total);
            out.printf(
                    Locale.ROOT,
                    "\r%s [%s%s] %,d/%,d %s   ",
                    label,
                    "#".repeat(filled),
                    "-".repeat(WIDTH - filled),
                    done,
                    total,
                    rate);
        } else {
            out.printf(Locale.ROOT, "\r%s %,d %s   ", label, done, rate);
        }
        out.flush();
    }
}
