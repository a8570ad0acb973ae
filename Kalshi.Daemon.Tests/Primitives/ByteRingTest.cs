using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Primitives;

internal sealed class ByteRingTest
{
    [Test]
    public void Ring_shows_entries_only_after_publish_and_in_order()
    {
        var ring = new ByteRing(256);
        Assert.That(ring.TryWrite(1, 10, "first"u8), Is.True);
        Assert.That(ring.Snapshot(), Is.False);
        ring.Publish();
        Assert.That(ring.Snapshot(), Is.True);
        Assert.That(ring.TryRead(out var kind, out var stamp, out var payload), Is.True);
        Assert.That((kind, stamp, payload.SequenceEqual("first"u8)), Is.EqualTo(((byte)1, 10L, true)));
        Assert.That(ring.TryRead(out _, out _, out _), Is.False);
    }

    [Test]
    public void Ring_refuses_what_has_no_room_and_takes_it_after_release()
    {
        var ring = new ByteRing(64);
        Assert.That(ring.TryWrite(1, 0, new byte[16]), Is.True);
        Assert.That(ring.TryWrite(1, 0, new byte[16]), Is.True);
        Assert.That(ring.TryWrite(1, 0, new byte[16]), Is.False);
        ring.Publish();
        ring.Snapshot();
        while (ring.TryRead(out _, out _, out _))
        {
        }

        Assert.That(ring.TryWrite(1, 0, new byte[16]), Is.False, "Read but not released.");
        ring.Release();
        Assert.That(ring.TryWrite(1, 0, new byte[16]), Is.True);
    }

    [Test]
    public void Ring_carries_entries_larger_than_itself_beside_it_in_order_and_bounded()
    {
        var ring = new ByteRing(256);
        var large = new byte[5_000];
        large[^1] = 7;
        Assert.That(ring.TryWrite(1, 1, "a"u8), Is.True);
        Assert.That(ring.TryWrite(2, 2, large), Is.True);
        Assert.That(ring.TryWrite(3, 3, "b"u8), Is.True);
        ring.Publish();
        ring.Snapshot();
        Assert.That(ring.TryRead(out var kind, out _, out _) && kind == 1, Is.True);
        Assert.That(ring.TryRead(out kind, out var stamp, out var payload) && kind == 2 && stamp == 2 && payload.SequenceEqual(large), Is.True);
        Assert.That(ring.TryRead(out kind, out _, out _) && kind == 3, Is.True);
        ring.Release();
        for (var i = 0; i < ByteRing.OversizeMax; i++)
        {
            Assert.That(ring.TryWrite(1, 0, large), Is.True);
        }

        Assert.That(ring.TryWrite(1, 0, large), Is.False);
    }

    [Test]
    public void Ring_moves_random_entries_between_two_threads_whole_and_in_order()
    {
        var random = Seeds.New(out var seed);
        const int entries = 300_000;
        var ring = new ByteRing(1 << random.Next(8, 14));
        var producer = new Thread(() => Produce(ring, new Random(seed), entries));
        producer.Start();
        var expected = new Random(seed);
        var buffer = new byte[ring.Capacity * 2];
        for (var read = 0; read < entries;)
        {
            ring.Snapshot();
            while (ring.TryRead(out var kind, out var stamp, out var payload))
            {
                var wanted = Next(expected, ring.Capacity, buffer);
                Assert.That(stamp, Is.EqualTo(read));
                Assert.That(kind, Is.EqualTo((byte)(read % 200)));
                Assert.That(payload.SequenceEqual(wanted), Is.True, $"entry {read}");
                read++;
            }

            ring.Release();
        }

        producer.Join();
        Assert.That(ring.Depth, Is.Zero);
    }

    private static void Produce(ByteRing ring, Random random, int entries)
    {
        var buffer = new byte[ring.Capacity * 2];
        for (var i = 0; i < entries; i++)
        {
            var payload = Next(random, ring.Capacity, buffer);
            while (!ring.TryWrite((byte)(i % 200), i, payload))
            {
                ring.Publish();
                Thread.Yield();
            }

            if (payload.Length % 3 == 0)
            {
                ring.Publish();
            }
        }

        ring.Publish();
    }

    private static ReadOnlySpan<byte> Next(Random random, int capacity, byte[] buffer)
    {
        var length = random.Next(100) == 0 ? random.Next(capacity * 2) : random.Next(Math.Min(100, capacity / 4));
        var payload = buffer.AsSpan(0, length);
        payload.Fill((byte)random.Next());
        return payload;
    }
}
