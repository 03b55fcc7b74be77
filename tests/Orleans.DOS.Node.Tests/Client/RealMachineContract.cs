using Orleans.DOS.Machines;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Tests.Client;
using Xunit;

namespace Orleans.DOS.Node.Tests.Client;

/// <summary>The contract of every machine, kept by three real nodes over both ways in.</summary>
public abstract class RealMachineContract(ThreeNodes nodes, bool overOrleans) : MachineContract
{
    private IMachine? _opened;

    protected override async Task<IMachine> OpenAsync()
    {
        Assert.SkipUnless(nodes.CanRun, "PostgreSQL is not installed");
        // Another test of the cluster may have failed before it had started again what it killed.
        await nodes.HealAsync();
        return _opened = overOrleans ? await nodes.SharedOrleansAsync() : nodes.Http();
    }

    public override async ValueTask DisposeAsync()
    {
        if (_opened is not null)
        {
            await base.DisposeAsync();
            (_opened as IDisposable)?.Dispose();
        }
        GC.SuppressFinalize(this);
    }
}

[Collection(OnSqlite.Name)]
public sealed class HttpOnSqlite(SqliteNodes nodes) : RealMachineContract(nodes, overOrleans: false);

[Collection(OnSqlite.Name)]
public sealed class OrleansOnSqlite(SqliteNodes nodes) : RealMachineContract(nodes, overOrleans: true);

[Collection(OnPostgres.Name)]
public sealed class HttpOnPostgres(PostgresNodes nodes) : RealMachineContract(nodes, overOrleans: false);

[Collection(OnPostgres.Name)]
public sealed class OrleansOnPostgres(PostgresNodes nodes) : RealMachineContract(nodes, overOrleans: true);
