namespace Kalshi.Daemon.Books;

/// <summary>
/// A replay kept between runs, so that an hourly export starts where the last one stopped:
/// <code>
///   version │ position │ tickers │ flag │ sessions [ sids [ epoch, covers ], pending commands ] │ ledgers │ backfills
/// </code>
/// Any change of what is written needs a new version; a file of another version is refused and the journal read again.
/// </summary>
internal sealed partial class Replay
{
    private const int StateVersion = 1;

    public void Save(Stream stream)
    {
        using var writer = new StateWriter(stream);
        writer.Write(StateVersion);
        writer.Write(Position);
        writer.Write(UnknownRecords);
        writer.Write(_useYesPrice);
        writer.Write(Tickers.Count);
        for (var id = 0; id < Tickers.Count; id++)
        {
            var bytes = Tickers.Bytes(id);
            writer.Write(bytes.Length);
            writer.Write(bytes);
        }

        writer.Write(_sessions.Count);
        foreach (var session in _sessions.Values.OrderBy(session => session.Number))
        {
            SaveSession(writer, session);
        }

        _books.Save(writer);
        writer.Write(_channels.Count);
        foreach (var ledger in _channels.Values)
        {
            writer.WriteReason(ledger.Channel);
            ledger.Save(writer);
        }

        _backfills.Save(writer);
    }

    /// <summary>Throws <see cref="InvalidDataException"/> or <see cref="EndOfStreamException"/> when the stream holds no state of this version.</summary>
    public static Replay Load(Stream stream, IReplaySink sink)
    {
        using var reader = new StateReader(stream);
        if (reader.ReadInt32() is var version && version != StateVersion)
        {
            throw new InvalidDataException($"The saved replay state has version {version}, this kalshid reads {StateVersion}.");
        }

        var replay = new Replay(sink) { Position = reader.ReadInt64(), UnknownRecords = reader.ReadInt64(), _useYesPrice = reader.ReadBoolean() };
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            replay.Tickers.GetOrAdd(reader.ReadBytes(reader.ReadInt32()));
        }

        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            LoadSession(reader, replay.SessionOf(reader.ReadInt32()));
        }

        replay._books.Load(reader);
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            replay.ChannelLedger(reader.ReadReason()!).Load(reader);
        }

        replay._backfills.Load(reader);
        return replay;
    }

    private static void SaveSession(StateWriter writer, ReplaySession session)
    {
        writer.Write(session.Number);
        WriteFlag(writer, session.UseYesPrice);
        writer.Write(session.Pending.Count);
        foreach (var (id, command) in session.Pending.OrderBy(pair => pair.Key))
        {
            writer.Write(id);
            WriteFlag(writer, command.UseYesPrice);
            writer.Write(command.IsGlobal);
            writer.Write(command.SentAt);
            writer.Write(command.Deleted?.Length ?? -1);
            foreach (var ticker in command.Deleted ?? [])
            {
                writer.Write(ticker);
            }
        }

        writer.Write(session.Sids.Count());
        foreach (var sid in session.Sids)
        {
            SaveSid(writer, session, sid);
        }
    }

    private static void LoadSession(StateReader reader, ReplaySession session)
    {
        session.UseYesPrice = ReadFlag(reader);
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var id = reader.ReadInt64();
            var (useYesPrice, isGlobal, sentAt, deletedCount) = (ReadFlag(reader), reader.ReadBoolean(), reader.ReadInt64(), reader.ReadInt32());
            var deleted = deletedCount < 0 ? null : new int[deletedCount];
            foreach (ref var ticker in deleted.AsSpan())
            {
                ticker = reader.ReadInt32();
            }

            session.Remember(id, new PendingCommand(useYesPrice, isGlobal, sentAt, deleted));
        }

        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            LoadSid(reader, session, session.GetOrAdd(reader.ReadInt32()));
        }
    }

    private static void SaveSid(StateWriter writer, ReplaySession session, ReplaySid sid)
    {
        writer.Write(sid.Number);
        writer.WriteReason(sid.Channel);
        writer.Write((byte)sid.Kind);
        writer.Write(sid.IsGlobal);
        WriteFlag(writer, sid.UseYesPrice);
        writer.Write(sid.SubscribedAt);
        writer.Write(session.Sequence.Last(sid.Number));
        writer.Write(sid.Epoch is not null);
        if (sid.Epoch is { } epoch)
        {
            SaveEpoch(writer, epoch);
        }

        writer.Write(sid.Covers.Count);
        foreach (var (id, cover) in sid.Covers.OrderBy(pair => pair.Key))
        {
            writer.Write(id);
            writer.Write(cover.FromAt);
            writer.Write(cover.FromSeq);
        }
    }

    private static void LoadSid(StateReader reader, ReplaySession session, ReplaySid sid)
    {
        sid.Channel = reader.ReadReason()!;
        sid.Kind = (ChannelKind)reader.ReadByte();
        sid.IsGlobal = reader.ReadBoolean();
        sid.UseYesPrice = ReadFlag(reader);
        sid.SubscribedAt = reader.ReadInt64();
        session.Sequence.Restore(sid.Number, reader.ReadInt64());
        sid.Epoch = reader.ReadBoolean() ? LoadEpoch(reader, session, sid) : null;
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            sid.Covers.Add(reader.ReadInt32(), new Cover(reader.ReadInt64(), reader.ReadInt64()));
        }
    }

    private static void SaveEpoch(StateWriter writer, Epoch epoch)
    {
        writer.WriteReason(epoch.Channel);
        ReadOnlySpan<long> numbers =
        [
            epoch.EpochId, epoch.FirstSeq, epoch.LastSeq, epoch.FromAt, epoch.ToAt,
            epoch.Deltas, epoch.Snapshots, epoch.Trades, epoch.Lifecycle, epoch.Acks, epoch.Unknown, epoch.Rejected,
        ];
        foreach (var number in numbers)
        {
            writer.Write(number);
        }
    }

    private static Epoch LoadEpoch(StateReader reader, ReplaySession session, ReplaySid sid) => new()
    {
        Session = session.Number,
        Sid = sid.Number,
        Channel = reader.ReadReason()!,
        EpochId = reader.ReadInt64(),
        FirstSeq = reader.ReadInt64(),
        LastSeq = reader.ReadInt64(),
        FromAt = reader.ReadInt64(),
        ToAt = reader.ReadInt64(),
        Deltas = reader.ReadInt64(),
        Snapshots = reader.ReadInt64(),
        Trades = reader.ReadInt64(),
        Lifecycle = reader.ReadInt64(),
        Acks = reader.ReadInt64(),
        Unknown = reader.ReadInt64(),
        Rejected = reader.ReadInt64(),
    };

    /// <summary>0 = not said, 1 = false, 2 = true.</summary>
    private static void WriteFlag(StateWriter writer, bool? flag) => writer.Write((byte)(flag is null ? 0 : flag.Value ? 2 : 1));

    private static bool? ReadFlag(StateReader reader) => reader.ReadByte() switch { 0 => null, 1 => false, _ => true };
}
