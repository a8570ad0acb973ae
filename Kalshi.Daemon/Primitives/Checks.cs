using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Primitives;

/// <summary>A bug stops the process: the journal makes that safe, and going on would not be.</summary>
internal static class Checks
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That([DoesNotReturnIf(false)] bool holds, string invariant)
    {
        if (!holds)
        {
            Broken(invariant);
        }
    }

    [DoesNotReturn]
    private static void Broken(string invariant) => throw new BrokenInvariantException(invariant);
}

/// <summary>An invariant of kalshid does not hold: a bug. `Program` exits with 70.</summary>
internal sealed class BrokenInvariantException(string invariant) : Exception($"Bug: this does not hold: {invariant}");
