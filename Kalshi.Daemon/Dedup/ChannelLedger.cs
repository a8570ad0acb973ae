using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What gatherers cover of the channels for all markets: passed on as told. Knows what is open, to end it when a store is replaced.
/// <b>Bound</b>: the open intervals, two or three a channel and gatherer.
/// </summary>
internal sealed class ChannelLedger(IStreamOutput output) : IMergeMemory
{
    public const string Replaced = "store replaced";

    private const byte Version = 1;

    private readonly List<ChannelCoverage> _open = [];

    /// <summary>By gatherer: everything received up to here was told, µs.</summary>
    private readonly long[] _progress = new long[MergeSettings.GatherersMax];

    public void Tell(in ChannelCoverage coverage)
    {
        Checks.That(coverage.ToAt >= coverage.FromAt, "An interval of coverage does not end before it begins.");
        var (gatherer, channel, fromAt, epochId) = (coverage.Gatherer, coverage.Channel, coverage.FromAt, coverage.EpochId);
        _open.RemoveAll(open => open.Gatherer == gatherer && open.FromAt == fromAt && open.EpochId == epochId && open.Channel == channel);
        if (coverage.ToAt == long.MaxValue)
        {
            _open.Add(coverage);
        }

        output.OnChannelCoverage(coverage);
    }

    public void OnProgress(int gatherer, long receivedAt) => _progress[gatherer] = receivedAt;

    public void OnReplaced(int gatherer, long receivedAt)
    {
        foreach (var open in _open.FindAll(open => open.Gatherer == gatherer))
        {
            // Nothing is known of the time after the old store's last row; a gap that was open there goes on until the new store begins.
            var toAt = open.State == CoverageState.Whole ? _progress[gatherer] : receivedAt;
            Tell(open with { ToAt = Math.Max(open.FromAt, toAt), Reason = open.State == CoverageState.Whole ? Replaced : open.Reason });
        }
    }

    public void WriteAll(StateWriter writer)
    {
        writer.Write(Version);
        foreach (var progress in _progress)
        {
            writer.Write(progress);
        }

        writer.Write7BitEncodedInt(_open.Count);
        foreach (var open in _open)
        {
            writer.Write7BitEncodedInt(open.Gatherer);
            writer.WriteReason(open.Channel);
            writer.Write(open.FromAt);
            writer.Write(open.EpochId);
            writer.Write((byte)open.State);
            writer.WriteReason(open.Reason);
        }
    }

    /// <summary>It is small: the whole of it.</summary>
    public void WriteChanges(StateWriter writer) => WriteAll(writer);

    public void ReadAll(StateReader reader)
    {
        if (reader.ReadByte() is var version && version != Version)
        {
            throw new InvalidDataException($"The saved state of the channels' coverage has version {version}, this kalshid reads {Version}.");
        }

        foreach (ref var progress in _progress.AsSpan())
        {
            progress = reader.ReadInt64();
        }

        _open.Clear();
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            var (gatherer, channel, fromAt, epochId) = (reader.Read7BitEncodedInt(), reader.ReadReason()!, reader.ReadInt64(), reader.ReadInt64());
            var state = (CoverageState)reader.ReadByte();
            _open.Add(new ChannelCoverage(gatherer, channel, fromAt, long.MaxValue, epochId, state, reader.ReadReason()!));
        }
    }

    public void ReadChanges(StateReader reader) => ReadAll(reader);
}
