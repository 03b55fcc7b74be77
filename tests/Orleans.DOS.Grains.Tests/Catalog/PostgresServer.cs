using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Orleans.DOS.Catalog;

/// <summary>
/// A PostgreSQL server of one's own in a private directory on a free port, with fsync on. Needs the binaries of a PostgreSQL
/// package, no running service. As root it becomes the user postgres, since initdb refuses to run as root.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);
    private readonly string directory = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"dos-pg-{Guid.NewGuid():N}");
    private readonly int port = FreePort();
    private Process? server;

    private PostgresServer() { }

    /// <summary>Where the binaries are, or null where PostgreSQL is not installed.</summary>
    public static string? Binaries { get; } = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(version => System.IO.Path.Combine(version, "bin"))
            .Where(bin => System.IO.File.Exists(System.IO.Path.Combine(bin, "initdb"))).Order(StringComparer.Ordinal).LastOrDefault()
        : null;

    public static async Task<PostgresServer> StartAsync()
    {
        var created = new PostgresServer();
        try
        {
            await created.InitializeAsync();
            await created.StartAgainAsync();
            return created;
        }
        catch
        {
            await created.DisposeAsync();
            throw;
        }
    }

    public string ConnectionString(string database = "postgres") =>
        $"Host=127.0.0.1;Port={port.ToString(CultureInfo.InvariantCulture)};Username=dos;Password=dos;Database={database}";

    /// <summary>A fresh, empty database; answers its connection string.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"dos_{Guid.NewGuid():N}";
        await using var source = NpgsqlDataSource.Create(ConnectionString() + ";Pooling=false");
        await using var command = source.CreateCommand($"CREATE DATABASE {name}");
        await command.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    /// <summary>Ends the server as a crash would: no checkpoint, connections break.</summary>
    public async Task StopAtOnceAsync()
    {
        if (server is { HasExited: false })
        {
            using var signal = await RunAsync("/bin/kill", ["-QUIT", ServerId()]);
            await server.WaitForExitAsync();
        }
        server?.Dispose();
        server = null;
    }

    public bool IsRunning => server is { HasExited: false };

    /// <summary>The host's process that is the parent of all others of this server.</summary>
    public int ProcessId => int.Parse(ServerId(), CultureInfo.InvariantCulture);

    public async Task StartAgainAsync()
    {
        server = Start(Command("postgres", [
            "-D", Data, "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-k", directory,
            "-c", "fsync=on", "-c", "max_connections=100", "-c", "shared_buffers=32MB"]));
        await Poll.UntilAsync(
            async () => server.HasExited ? throw new InvalidOperationException("PostgreSQL did not start") : await AnswersAsync(), StartTimeout);
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await StopAtOnceAsync();
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private string Data => System.IO.Path.Combine(directory, "data");

    private async Task InitializeAsync()
    {
        Directory.CreateDirectory(directory);
        var password = System.IO.Path.Combine(directory, "password");
        await System.IO.File.WriteAllTextAsync(password, "dos\n");
        if (Environment.IsPrivilegedProcess)
        {
            using var owned = await RunAsync("/bin/chown", ["-R", "postgres", directory]);
        }
        using var created = await RunAsync(Command("initdb", ["-D", Data, "-U", "dos", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale=C.UTF-8"]));
    }

    /// <summary>The first line of postmaster.pid; our own child may be runuser, which does not pass SIGQUIT on.</summary>
    private string ServerId() => System.IO.File.ReadLines(System.IO.Path.Combine(Data, "postmaster.pid")).First();

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await using var connection = new NpgsqlConnection(ConnectionString() + ";Pooling=false;Timeout=2");
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private ProcessStartInfo Command(string program, string[] arguments)
    {
        var binary = System.IO.Path.Combine(Binaries ?? throw new InvalidOperationException("PostgreSQL is not installed"), program);
        return Environment.IsPrivilegedProcess
            ? StartInfo("/usr/bin/setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", binary, .. arguments])
            : StartInfo(binary, arguments);
    }

    private ProcessStartInfo StartInfo(string program, string[] arguments) => new(program, arguments)
    {
        RedirectStandardError = true,
        RedirectStandardOutput = true,
        WorkingDirectory = directory,
        Environment = { ["LC_ALL"] = "C.UTF-8" },
    };

    private static Process Start(ProcessStartInfo info)
    {
        var process = Process.Start(info)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private Task<Process> RunAsync(string program, string[] arguments) => RunAsync(StartInfo(program, arguments));

    private static async Task<Process> RunAsync(ProcessStartInfo info)
    {
        var process = Start(info);
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? process : throw new InvalidOperationException($"{info.FileName} ended with {process.ExitCode}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
