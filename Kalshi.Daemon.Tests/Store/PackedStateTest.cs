using Kalshi.Daemon.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

internal sealed class PackedStateTest
{
    private const int PartBytes = 1 << 20;

    [Test]
    public void What_is_packed_comes_out_again_whatever_its_size()
    {
        var random = Seeds.New(out var seed);
        foreach (var size in (int[])[0, 1, 4_095, 4_097, PartBytes - 100, PartBytes, PartBytes + 1, 3 * PartBytes, random.Next(5 * PartBytes)])
        {
            var bytes = Bytes(random, size);
            var packed = PackedState.Pack(stream => WriteInPieces(random, stream, bytes));
            Assert.That(packed.Parts.SkipLast(1).Select(part => part.Length), Is.All.EqualTo(PartBytes));
            Assert.That(packed.Parts[^1], Has.Length.InRange(1, PartBytes));
            Assert.That(packed.ToArray(), Is.EqualTo(packed.Parts.SelectMany(part => part)).And.Length.EqualTo(packed.Bytes));
            Assert.That(Read(packed), Is.EqualTo(bytes), $"{size} bytes, seed {seed}");
            Assert.That(Read(new PackedState([packed.ToArray()])), Is.EqualTo(bytes), "in one piece");
        }
    }

    [Test]
    public void Damage_is_found_before_anything_is_read()
    {
        var random = Seeds.New(out var seed);
        var packed = PackedState.Pack(stream => stream.Write(Bytes(random, (2 * PartBytes) + 1_000)));
        for (var tries = 0; tries < 20; tries++)
        {
            var bytes = packed.ToArray();
            bytes[random.Next(32, bytes.Length)] ^= (byte)(1 << random.Next(8));
            Assert.That(() => new PackedState([bytes]).Open(), Throws.TypeOf<InvalidDataException>(), $"seed {seed}");
        }

        for (var missing = 0; missing < packed.Parts.Count; missing++)
        {
            Assert.That(() => new PackedState([.. packed.Parts.Where((_, part) => part != missing)]).Open(), Throws.TypeOf<InvalidDataException>(), $"without part {missing}");
        }
    }

    private static byte[] Bytes(Random random, int size)
    {
        var bytes = new byte[size];
        random.NextBytes(bytes);
        return bytes;
    }

    private static void WriteInPieces(Random random, Stream stream, byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var count = Math.Min(bytes.Length - at, random.Next(1, 200_000));
            stream.Write(bytes.AsSpan(at, count));
            at += count;
        }
    }

    private static byte[] Read(PackedState packed)
    {
        using var open = packed.Open();
        using var bytes = new MemoryStream();
        open.CopyTo(bytes);
        return bytes.ToArray();
    }
}
