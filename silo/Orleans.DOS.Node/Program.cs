using Microsoft.AspNetCore.Builder;
using Orleans.DOS.Node;
using Orleans.DOS.Server;

try
{
    if (args.Contains(NodeCommandLine.MigrateOnly))
    {
        var options = new DosNodeOptions();
        NodeCommandLine.Apply(args, options);
        Console.WriteLine(await DosSchema.BringUpAsync(options));
        return 0;
    }
    var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
    builder.AddDosNode(options => NodeCommandLine.Apply(args, options));
    var app = builder.Build();
    app.MapDosNode();
    StopDeadline.Enforce(app.Lifetime);
    await app.RunAsync();
    return 0;
}
catch (Exception failure)
{
    return NodeFailure.Tell(failure);
}
