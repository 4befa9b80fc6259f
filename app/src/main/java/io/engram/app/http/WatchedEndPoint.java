package io.engram.app.http;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Executor;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * A connection of which can be told, while a request of it is worked on, whether its client is still there. The server
 * reads nothing meanwhile, and would not see its end. What comes of a next request while somebody looks is kept, and read
 * when it is its turn. Thread-safe.
 */
final class WatchedEndPoint extends SocketChannelEndPoint {
    /** Of next requests; a client that sends more ahead is taken to be there. */
    private static final int MAX_AHEAD_BYTES = 1 << 10;

    private final Executor executor;
    private final Object reading = new Object();
    // Ready to be read from.
    private ByteBuffer ahead = BufferUtil.EMPTY_BUFFER;

    WatchedEndPoint(
            SocketChannel channel, ManagedSelector selector, SelectionKey key, Scheduler scheduler, Executor executor) {
        super(channel, selector, key, scheduler);
        this.executor = executor;
    }

    /** True when the client has closed its side of the connection, or all of it. */
    boolean hasLeft() {
        synchronized (reading) {
            if (isFillInterested() || ahead.remaining() == MAX_AHEAD_BYTES) {
                return false; // the server waits for what comes, and sees the end itself
            }
            return readAhead() < 0;
        }
    }

    /**
     * True while the server waits for bytes of the client that are not here yet, or for the client to read what it was
     * sent.
     */
    boolean waitsForClient() {
        if (getWriteFlusher().isPending()) {
            return true;
        }
        synchronized (reading) {
            if (!isFillInterested() || ahead.hasRemaining()) {
                return false;
            }
            if (readAhead() <= 0) {
                return true;
            }
        }
        // The selector is silent on what has been read.
        executor.execute(() -> getFillInterest().fillable());
        return false;
    }

    /** Bytes read, or -1 when the client has left. */
    private int readAhead() {
        try {
            ByteBuffer more = ByteBuffer.allocate(MAX_AHEAD_BYTES).put(ahead.duplicate());
            int read = getChannel().read(more);
            if (read > 0) {
                ahead = more.flip();
            }
            return read;
        } catch (IOException e) {
            return -1;
        }
    }

    @Override
    public int fill(ByteBuffer buffer) throws IOException {
        synchronized (reading) {
            if (!ahead.hasRemaining()) {
                return super.fill(buffer);
            }
            notIdle();
            int filled = BufferUtil.append(buffer, ahead);
            if (!ahead.hasRemaining()) {
                ahead = BufferUtil.EMPTY_BUFFER;
            }
            return filled;
        }
    }

    @Override
    protected void needsFillInterest() {
        boolean filled;
        synchronized (reading) {
            filled = ahead.hasRemaining();
        }
        if (filled) {
            executor.execute(() -> getFillInterest().fillable());
        } else {
            super.needsFillInterest();
        }
    }
}
