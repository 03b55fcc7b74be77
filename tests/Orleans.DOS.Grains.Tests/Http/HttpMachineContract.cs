using Orleans.DOS.Machines;
using Orleans.DOS.Tests.Client;

namespace Orleans.DOS.Tests.Http;

/// <summary>The contract through client, HTTP and door.</summary>
public sealed class HttpMachineContract : MachineContract
{
    private HttpDouble? _door;

    protected override async Task<IMachine> OpenAsync()
    {
        _door = await HttpDouble.StartAsync();
        return _door.Client();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _door!.DisposeAsync();
    }
}

/// <summary>The same through the Unix socket that workers use.</summary>
public sealed class SocketMachineContract : MachineContract
{
    private readonly string _socket = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"dos-{Guid.NewGuid():n}.sock");
    private HttpDouble? _door;

    protected override async Task<IMachine> OpenAsync()
    {
        _door = await HttpDouble.StartAsync(socket: _socket);
        return DOS.Client.Http.HttpMachine.Create(new DOS.Client.Http.HttpMachineOptions { UnixSocketPath = _socket, Token = DoubleVerifier.Token });
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _door!.DisposeAsync();
    }
}
