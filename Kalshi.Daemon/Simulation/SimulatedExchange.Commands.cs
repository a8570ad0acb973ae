using System.Text;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>Commands of clients and the replies to them.</summary>
internal sealed partial class SimulatedExchange
{
    /// <summary>Carries out one command as received and answers it.</summary>
    public void Receive(SimulatedSession session, ReadOnlyMemory<byte> text)
    {
        Counters.Commands++;
        var command = ClientCommand.Read(text);
        if (command is null)
        {
            Fail(session, 0, ErrorCode.UnableToProcess);
            return;
        }

        if (IsTooFast(session))
        {
            Fail(session, command.Id, ErrorCode.TooManyRequests);
            return;
        }

        switch (command.Name)
        {
            case "subscribe": Subscribe(session, command); break;
            case "unsubscribe": Unsubscribe(session, command); break;
            case "update_subscription": Update(session, command); break;
            case "list_subscriptions": List(session, command); break;
            default: Fail(session, command.Id, ErrorCode.UnknownCommand); break;
        }
    }

    private bool IsTooFast(SimulatedSession session)
    {
        var second = Now / Micros.PerSecond;
        if (second != session.CommandSecond)
        {
            (session.CommandSecond, session.CommandsInSecond) = (second, 0);
        }

        return ++session.CommandsInSecond > _settings.CommandsPerSecondMax;
    }

    private void Subscribe(SimulatedSession session, ClientCommand command)
    {
        if (!command.HasParams)
        {
            Fail(session, command.Id, ErrorCode.ParamsRequired);
        }
        else if (command.IsInvalid)
        {
            Fail(session, command.Id, ErrorCode.InvalidParameter);
        }
        else if (command.Channels is null or [])
        {
            Fail(session, command.Id, ErrorCode.ChannelsRequired);
        }
        else if (command.Channels.Exists(name => ChannelOf(name) is null))
        {
            Fail(session, command.Id, ErrorCode.UnknownChannel);
        }
        else
        {
            foreach (var name in command.Channels)
            {
                Subscribe(session, command, ChannelOf(name)!.Value, name);
            }
        }
    }

    private void Subscribe(SimulatedSession session, ClientCommand command, Channel channel, string name)
    {
        var open = session.ByChannel(name);
        if (channel == Channel.OrderbookDelta && command.Tickers.Count == 0)
        {
            Fail(session, command.Id, ErrorCode.MarketTickerRequired);
        }
        else if (IsOverLimit(session, channel, command.Tickers.Count))
        {
            Fail(session, command.Id, ErrorCode.MarketLimitExceeded, open);
        }
        else if (open is not null)
        {
            open.SkipTickerAck |= command.SkipTickerAck;
            AddMarkets(open, command);
        }
        else if (session.Subscriptions.Count == SimulatedSession.SubscriptionsMax)
        {
            Fail(session, command.Id, ErrorCode.UnableToProcess);
        }
        else
        {
            OpenSubscription(session, command, channel, name);
        }
    }

    private void OpenSubscription(SimulatedSession session, ClientCommand command, Channel channel, string name)
    {
        var subscription = new Subscription(session, session.TakeSid(), channel, name)
        {
            UseYesPrice = command.UseYesPrice,
            SkipTickerAck = command.SkipTickerAck,
            Markets = command.Tickers.Count == 0 ? null : [],
        };
        session.Subscriptions.Add(subscription);
        if (channel != Channel.OrderbookDelta)
        {
            _globals.Add(subscription);
        }

        _reply.Clear().Raw("{\"channel\":"u8).Text(name).Raw(",\"sid\":"u8).Integer(subscription.Sid).Raw("}"u8);
        Reply(session, "subscribed"u8, command.Id, 0, 0, _reply.Span);
        Fill(subscription, command);
    }

    private void AddMarkets(Subscription subscription, ClientCommand command)
    {
        var added = Attach(subscription, command.Tickers);
        Acknowledge(subscription, command.Id);
        SendInitial(subscription, added, command);
    }

    private void Fill(Subscription subscription, ClientCommand command) =>
        SendInitial(subscription, Attach(subscription, command.Tickers), command);

    /// <summary>Adds what is new, and returns it in the order of the command: those already there are passed over in silence.</summary>
    private List<(SimulatedMarket? Market, string Ticker)> Attach(Subscription subscription, List<string> tickers)
    {
        var added = new List<(SimulatedMarket? Market, string Ticker)>(tickers.Count);
        foreach (var ticker in tickers)
        {
            var market = Markets.Find(Encoding.UTF8.GetBytes(ticker));
            if (market is null || market.Status == MarketStatus.Finalized)
            {
                if (subscription.DeadTickers.Count < _settings.BookMarketsMax && subscription.DeadTickers.Add(ticker))
                {
                    added.Add((null, ticker));
                }
            }
            else if (subscription.Markets is { } markets && markets.Add(market.Index))
            {
                added.Add((market, ticker));
                if (subscription.Channel == Channel.OrderbookDelta)
                {
                    market.BookSubscribers = _sets.Add(market.BookSubscribers, subscription);
                    subscription.Session.BookMarkets++;
                }
            }
        }

        return added;
    }

    private void SendInitial(Subscription subscription, List<(SimulatedMarket? Market, string Ticker)> added, ClientCommand command)
    {
        foreach (var (market, ticker) in added)
        {
            if (subscription.Channel == Channel.OrderbookDelta)
            {
                SendSnapshotOf(subscription, market, ticker, 0);
            }
            else if (subscription.Channel == Channel.Ticker && command.SendInitialSnapshot && market is not null)
            {
                FrameEncoder.Ticker(_msg.Clear(), market, TickerOf(market, ExchangeAt));
                Send(subscription, "ticker"u8, 0, numbered: false, _msg.Span);
            }
        }
    }

    private void SendSnapshotOf(Subscription subscription, SimulatedMarket? market, string ticker, long id)
    {
        if (market is null)
        {
            SendDeadSnapshot(subscription, ticker, id);
        }
        else
        {
            SendSnapshot(subscription, market, id);
        }
    }

    private void Unsubscribe(SimulatedSession session, ClientCommand command)
    {
        if (!command.HasParams)
        {
            Fail(session, command.Id, ErrorCode.ParamsRequired);
        }
        else if (command.IsInvalid)
        {
            Fail(session, command.Id, ErrorCode.InvalidParameter);
        }
        else if (command.Sids is null or [])
        {
            Fail(session, command.Id, ErrorCode.SidsRequired);
        }
        else
        {
            foreach (var sid in command.Sids)
            {
                Unsubscribe(session, command.Id, sid);
            }
        }
    }

    private void Unsubscribe(SimulatedSession session, long id, long sid)
    {
        if (session.BySid(sid) is not { } subscription)
        {
            Fail(session, id, ErrorCode.UnknownSid);
            return;
        }

        Reply(session, "unsubscribed"u8, id, subscription.Sid, subscription.NextSeq(), default);
        Detach(subscription);
    }

    private void Update(SimulatedSession session, ClientCommand command)
    {
        if (!command.HasParams)
        {
            Fail(session, command.Id, ErrorCode.ParamsRequired);
        }
        else if (command.IsInvalid)
        {
            Fail(session, command.Id, ErrorCode.InvalidParameter);
        }
        else if (command.Sids is not [var sid])
        {
            Fail(session, command.Id, ErrorCode.ExactlyOneSid);
        }
        else if (session.BySid(sid) is not { } subscription)
        {
            Fail(session, command.Id, ErrorCode.UnknownSid);
        }
        else if (command.Action is null)
        {
            Fail(session, command.Id, ErrorCode.ActionRequired, subscription);
        }
        else
        {
            Update(subscription, command);
        }
    }

    private void Update(Subscription subscription, ClientCommand command)
    {
        var isBook = subscription.Channel == Channel.OrderbookDelta;
        if (command.Action is not ("add_markets" or "delete_markets" or "get_snapshot") || (command.Action == "get_snapshot" && !isBook))
        {
            Fail(subscription.Session, command.Id, ErrorCode.UnsupportedAction, subscription);
        }
        else if (command.Tickers.Count == 0)
        {
            Fail(subscription.Session, command.Id, ErrorCode.MarketTickerRequired, subscription);
        }
        else if (command.Tickers.Count > _settings.TickersPerCommandMax
            || (command.Action == "add_markets" && IsOverLimit(subscription.Session, subscription.Channel, command.Tickers.Count)))
        {
            Fail(subscription.Session, command.Id, ErrorCode.MarketLimitExceeded, subscription);
        }
        else if (command.Action == "add_markets")
        {
            AddMarkets(subscription, command);
        }
        else if (command.Action == "delete_markets")
        {
            DeleteMarkets(subscription, command);
        }
        else
        {
            foreach (var ticker in command.Tickers)
            {
                SendSnapshotOf(subscription, Markets.Find(Encoding.UTF8.GetBytes(ticker)), ticker, command.Id);
            }
        }
    }

    private void DeleteMarkets(Subscription subscription, ClientCommand command)
    {
        foreach (var ticker in command.Tickers)
        {
            subscription.DeadTickers.Remove(ticker);
            if (Markets.Find(Encoding.UTF8.GetBytes(ticker)) is { } market && subscription.Markets?.Remove(market.Index) == true
                && subscription.Channel == Channel.OrderbookDelta)
            {
                market.BookSubscribers = _sets.Remove(market.BookSubscribers, subscription);
                subscription.Session.BookMarkets--;
            }
        }

        Acknowledge(subscription, command.Id);
    }

    private void List(SimulatedSession session, ClientCommand command)
    {
        _reply.Clear().Raw("["u8);
        foreach (var subscription in session.Subscriptions)
        {
            _reply.Raw(_reply.Length == 1 ? "{\"channel\":"u8 : ",{\"channel\":"u8).Text(subscription.ChannelName)
                .Raw(",\"sid\":"u8).Integer(subscription.Sid).Raw("}"u8);
        }

        _reply.Raw("]"u8);
        Reply(session, "ok"u8, command.Id, 0, 0, _reply.Span);
    }
}
