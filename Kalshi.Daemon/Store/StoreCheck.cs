using System.Globalization;
using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>The store's lines of `kalshid check`, each ok or what to do; with `--migrate`, also what it changed.</summary>
internal sealed class StoreCheck
{
    private const int ServerVersionMin = 150_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly StoreDatabase _database;
    private readonly NpgsqlConnection _connection;
    private readonly Action<string, bool, string> _say;

    private StoreCheck(StoreDatabase database, NpgsqlConnection connection, Action<string, bool, string> say)
    {
        _database = database;
        _connection = connection;
        _say = say;
    }

    public static async Task RunAsync(Options options, bool migrate, Action<string, bool, string> say)
    {
        using var database = new StoreDatabase(options.StoreDsn, options.StoreTimeout < Patience ? options.StoreTimeout : Patience);
        var step = "store";
        try
        {
            await using var connection = await database.OpenAsync(CancellationToken.None);
            step = "schema";
            var check = new StoreCheck(database, connection, say);
            if (await check.ServerAsync(database) && (!migrate || await check.MigrateAsync(database, options.StoreTimescale)) && await check.SchemaAsync())
            {
                await check.TimescaleAsync(options);
                await check.RolesAsync();
                await check.RightsAsync();
                await check.CursorAsync();
                await check.SizeAsync();
            }
        }
        catch (SetupException e)
        {
            say(step, false, e.Message);
        }
        catch (Exception e) when (StoreDatabase.IsFailure(e))
        {
            say(step, false, database.Explain(e));
        }
    }

    private async Task<bool> ServerAsync(StoreDatabase database)
    {
        var version = await ValueAsync<int>("select current_setting('server_version_num')::int");
        var isNewEnough = version >= ServerVersionMin;
        _say("store", isNewEnough, $"{database.Name}, PostgreSQL {_connection.PostgreSqlVersion}{(isNewEnough ? "" : ": the store needs 15 or newer")}");
        return isNewEnough;
    }

    private async Task<bool> MigrateAsync(StoreDatabase database, string timescale)
    {
        try
        {
            var before = await Migrations.Gatherer.KnownVersionAsync(_database, _connection);
            var applied = await Migrations.Gatherer.ApplyAsync(database, timescale);
            if (applied == 0 && await IsOwnerAsync())
            {
                await _connection.ExecuteAsync("select kalshid.grant_roles()");
            }

            var files = string.Join(", ", Migrations.Gatherer.All.Skip(before).Select(file => file.Name));
            _say("migrate", true, applied == 0 ? "nothing to do" : $"schema {(before == 0 ? "created" : $"upgraded from version {before}")}: {files}");
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            _say("migrate", false, $"{e.MessageText}: run this as the database's owner, or let it: grant create on database {Quoted(_connection.Database)} to {Quoted(await UserAsync())};");
            return false;
        }
    }

    private async Task<bool> SchemaAsync()
    {
        var version = await Migrations.Gatherer.KnownVersionAsync(_database, _connection);
        if (version == Migrations.Gatherer.Latest)
        {
            _say("schema", true, $"version {version}");
            return true;
        }

        var isAllowed = version == 0 ? await ValueAsync<bool>("select has_database_privilege(current_database(), 'create')") : await IsOwnerAsync();
        _say("schema", isAllowed, (version, isAllowed) switch
        {
            (0, true) => "none yet: gather and load create it, or kalshid check --migrate",
            (0, false) => $"none, and this user may not create it: run kalshid check --migrate as the database's owner, or grant create on database {Quoted(_connection.Database)} to {Quoted(await UserAsync())};",
            (_, true) => $"version {version}: gather and load bring it to {Migrations.Gatherer.Latest}, or kalshid check --migrate",
            _ => $"version {version}, and this user may not bring it to {Migrations.Gatherer.Latest}: run kalshid check --migrate as the schema's owner",
        });
        return false;
    }

    private async Task TimescaleAsync(Options options)
    {
        var installed = await TextAsync("select extversion from pg_extension where extname = 'timescaledb'");
        var isUsed = await Migrations.IsTimescaleAsync(_connection, CancellationToken.None);
        var isWanted = options.StoreTimescale == "on";
        _say("timescale", isUsed || !isWanted, (isUsed, installed) switch
        {
            (true, _) => $"{installed}, in use{(options.StoreDirectCompress && !await HasDirectCompressAsync() ? "; store.direct_compress has no effect before 2.21" : "")}",
            (false, null) => isWanted ? "store.timescale is on, and this store was made without it: load the journal into a new database" : "not in this database: native partitions",
            (false, _) => $"{installed} is there, but this store was made with native partitions{(isWanted ? ": load the journal into a new database" : "")}",
        });
    }

    private Task<bool> HasDirectCompressAsync() => ValueAsync<bool>("select kalshid.timescale_version() >= 2021");

    private async Task RolesAsync()
    {
        var missing = await TextAsync(
            """
            select string_agg(format('create role %I nologin;', r), ' ' order by r)
            from unnest(array['kalshid_reader', 'kalshid_writer']) r where not exists (select from pg_roles where rolname = r)
            """);
        _say("roles", true, missing is null
            ? "kalshid_writer and kalshid_reader: grant them to logins"
            : $"not all there; logins can share the store without them by owning it, or, as a role that may: {missing} Then kalshid check --migrate as the schema's owner.");
    }

    private async Task RightsAsync()
    {
        var user = await UserAsync();
        var isMissing = await TextAsync(
            """
            select case
                when not has_schema_privilege('kalshid', 'usage') or not has_table_privilege('kalshid.orderbook_deltas', 'insert') then 'grant kalshid_writer to '
                when not has_function_privilege('kalshid.make_partitions(timestamptz, timestamptz, boolean)', 'execute') then 'grant kalshid_writer to '
                when not has_database_privilege(current_database(), 'temporary') then format('grant temporary on database %I to ', current_database())
            end
            """);
        _say("rights", isMissing is null, isMissing is null ? $"{user} may load, make partitions and drop them" : $"{user} may not load this store; as its owner: {isMissing}{Quoted(user)};");
    }

    private async Task CursorAsync()
    {
        await using var command = new NpgsqlCommand("select position, extract(epoch from clock_timestamp() - position)::float8, stopped_at is not distinct from position from kalshid.cursors, kalshid.store where name = 'loader' and position > to_timestamp(0)", _connection);
        await using var reader = await command.ExecuteReaderAsync();
        _say("loader", true, !await reader.ReadAsync() ? "nothing is loaded yet"
            : $"holds everything up to {Micros.Format(reader.GetTime(0))}, {Age(reader.GetDouble(1))} ago{(reader.GetBoolean(2) ? ", when the gatherer stopped" : "")}");
    }

    private async Task SizeAsync() => _say("size", true,
        $"{await TextAsync("select pg_size_pretty(pg_database_size(current_database()))")}; PostgreSQL does not tell how much room its disk has left");

    private static string Age(double seconds) => Units.FormatDuration(TimeSpan.FromSeconds(Math.Round(Math.Max(0, seconds))));

    /// <summary>Whether this user may change the schema.</summary>
    private Task<bool> IsOwnerAsync() => ValueAsync<bool>("select coalesce((select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'kalshid'), false)");

    private async Task<string> UserAsync() => (await TextAsync("select current_user::text"))!;

    private static string Quoted(string name) =>
        name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '_') ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private async Task<T> ValueAsync<T>(string sql)
        where T : struct => (T)Convert.ChangeType(await ScalarAsync(sql), typeof(T), CultureInfo.InvariantCulture)!;

    private async Task<string?> TextAsync(string sql) => await ScalarAsync(sql) as string;

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return await command.ExecuteScalarAsync();
    }
}
