using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>
/// Channels that cover all markets at once, on a socket of their own. A gap needs no resubscription here (the stream goes on);
/// `watch` hears of it and makes up for it where something can (trades by REST, lifecycle by a registry sweep).
/// </summary>
internal sealed class GlobalSubscription(string purpose, string[] channels, CommandPace pace, IStreamWatch? watch, ILogger log) : ISubscription
{
    private const int AttemptsMax = 5;
    private static readonly TimeSpan WakeInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, int> _sids = [];

    public string Purpose => purpose;

    public async Task RunAsync(Session session, CancellationToken stop)
    {
        _sids.Clear();
        try
        {
            do
            {
                if (!await StepAsync(session, stop))
                {
                    return;
                }
            }
            while (await session.WaitAsync(WakeInterval, stop));

            await EndAsync(session);
        }
        catch (OperationCanceledException)
        {
            await EndAsync(session);
        }
        finally
        {
            watch?.Lost();
        }
    }

    private async Task<bool> StepAsync(Session session, CancellationToken stop)
    {
        foreach (var (channel, sid) in _sids.ToArray())
        {
            if (session.TakeEnded(sid, out var why))
            {
                log.SidEnded(session.Number, sid, why);
                _sids.Remove(channel);
                watch?.Lost();
            }
            else if (session.TakeGap(sid))
            {
                watch?.Lost();
                watch?.Live();
            }
        }

        foreach (var channel in channels)
        {
            if (!_sids.ContainsKey(channel) && !await SubscribeAsync(session, channel, stop))
            {
                return false;
            }
        }

        watch?.Good(Micros.Now() - (session.Socket.QuietMs * Micros.PerMillisecond));
        return true;
    }

    private async Task<bool> SubscribeAsync(Session session, string channel, CancellationToken stop)
    {
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            await pace.CommandAsync(stop);
            var id = session.NextId();
            var reply = await session.CommandAsync(id, Commands.SubscribeAll(id, channel));
            if (reply.Accepted)
            {
                _sids[channel] = reply.Sid;
                watch?.Live();
                return true;
            }

            if (session.Ended.IsCompleted)
            {
                return false;
            }

            log.CommandFailed(session.Number, $"subscribe {channel}", 0, reply.ToString());
            await (reply.ErrorCode == Session.TooManyRequests ? CommandPace.BusyAsync(stop) : CommandPace.JitterAsync(200 << attempt, stop));
        }

        return false;
    }

    private async Task EndAsync(Session session)
    {
        foreach (var sid in _sids.Values)
        {
            if (session.Ended.IsCompleted)
            {
                return;
            }

            var id = session.NextId();
            await session.CommandAsync(id, Commands.Unsubscribe(id, sid));
        }
    }
}
