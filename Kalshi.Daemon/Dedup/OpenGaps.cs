using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Gaps of one gatherer's channels that were told as open. A gap that turns out to be none is removed from the gatherer's store without a word; it shows in the coverage that
/// begins no later. One thread. <b>Bound</b>: one a channel.
/// </summary>
internal sealed class OpenGaps
{
    private readonly SortedDictionary<string, (long FromAt, string Reason)> _gaps = new(StringComparer.Ordinal);

    /// <summary>Takes what is about to be told; returns the gap that it shows to be none, which is to be told before it.</summary>
    public ChannelCoverage? Follow(in ChannelCoverage coverage)
    {
        if (coverage.EpochId == 0)
        {
            if (coverage.ToAt == long.MaxValue)
            {
                _gaps[coverage.Channel] = (coverage.FromAt, coverage.Reason);
            }
            else if (_gaps.TryGetValue(coverage.Channel, out var open) && open.FromAt == coverage.FromAt)
            {
                _gaps.Remove(coverage.Channel);
            }

            return null;
        }

        if (coverage.ToAt != long.MaxValue || !_gaps.TryGetValue(coverage.Channel, out var gap) || coverage.FromAt > gap.FromAt)
        {
            return null;
        }

        _gaps.Remove(coverage.Channel);
        return coverage with { FromAt = gap.FromAt, ToAt = gap.FromAt, EpochId = 0, State = CoverageState.Gap, Reason = gap.Reason };
    }

    public void Clear() => _gaps.Clear();

    public void Write(StateWriter writer)
    {
        writer.Write(_gaps.Count);
        foreach (var (channel, gap) in _gaps)
        {
            writer.Write(channel);
            writer.Write(gap.FromAt);
            writer.Write(gap.Reason);
        }
    }

    public void Read(StateReader reader)
    {
        _gaps.Clear();
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            _gaps[reader.ReadString()] = (reader.ReadInt64(), reader.ReadString());
        }
    }
}
