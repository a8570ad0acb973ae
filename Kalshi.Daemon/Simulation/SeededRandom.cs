namespace Kalshi.Daemon.Simulation;

/// <summary>
/// SplitMix64: the same numbers for the same seed on every platform and runtime version, which `System.Random` does not
/// promise. A struct; not thread-safe.
/// </summary>
internal struct SeededRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        return Mix(_state);
    }

    /// <summary>0 ≤ result &lt; bound; bound ≥ 1.</summary>
    public int Below(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);

    /// <summary>0 ≤ result &lt; 1.</summary>
    public double Fraction() => (Next() >> 11) * (1.0 / (1UL << 53));

    public bool Chance(double probability) => Fraction() < probability;

    /// <summary>A well mixed function of its input: streams of their own for each (seed, thing).</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    public static ulong Mix(ulong seed, ulong thing) => Mix(Mix(seed) ^ (thing * 0x9E3779B97F4A7C15));

    /// <summary>A version-4-shaped uuid for the n-th thing of a kind.</summary>
    public static Guid Uuid(ulong seed, ulong kind, ulong n)
    {
        Span<byte> bytes = stackalloc byte[16];
        BitConverter.TryWriteBytes(bytes, Mix(seed ^ kind, n));
        BitConverter.TryWriteBytes(bytes[8..], Mix(seed ^ ~kind, n));
        bytes[7] = (byte)((bytes[7] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes);
    }
}
