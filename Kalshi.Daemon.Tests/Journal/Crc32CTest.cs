using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

internal sealed class Crc32CTest
{
    [Test]
    public void It_gives_the_published_check_values()
    {
        Assert.That(Crc32C.Of("123456789"u8), Is.EqualTo(0xE3069283));
        Assert.That(Crc32C.Of([]), Is.Zero);
        Assert.That(Crc32C.Of(new byte[32]), Is.EqualTo(0x8A9136AA), "RFC 3720, B.4: 32 zeros");
        Assert.That(Crc32C.Of(Enumerable.Repeat((byte)0xFF, 32).ToArray()), Is.EqualTo(0x62A8AB43), "RFC 3720, B.4: 32 ones");
    }

    [Test]
    public void It_equals_the_bitwise_definition_at_every_length_and_offset()
    {
        var random = Seeds.New(out _);
        var bytes = JournalFixture.RandomBytes(random, 40_000);
        for (var length = 0; length < 2_000; length++)
        {
            AssertEqual(bytes.AsSpan(random.Next(9), length));
        }

        foreach (var length in (int[])[12_287, 12_288, 12_289, 13_056, 24_576, 39_000])
        {
            AssertEqual(bytes.AsSpan(random.Next(9), length));
        }
    }

    private static void AssertEqual(ReadOnlySpan<byte> bytes) => Assert.That(Crc32C.Of(bytes), Is.EqualTo(Bitwise(bytes)), $"{bytes.Length} bytes");

    private static uint Bitwise(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }
}
