//! A server on a database, and what was made in it.

use crate::{
    Options, Result,
    postgres::Cluster,
    site::{Server, Site},
    target::Target,
    world::{self, World},
};

/// A running server with its database.
pub struct Place {
    pub server: Server,
    pub target: Target,
    pub world: World,
    pub site: Site,
    postmaster: Option<u32>,
}

impl Place {
    /// On a new database of a cluster, or on SQLite.
    pub async fn on(options: &Options, cluster: Option<(&Cluster, &str)>) -> Result<Self> {
        let database = match cluster {
            Some((cluster, name)) => Some(cluster.create(name).await?),
            None => None,
        };
        let site = Site::new(&options.binary(), &options.folder(), database)?;
        let server = site.start().await?;
        let world = world::make(&site, &server).await?;
        server.stop().await?;
        world::sign_with_es256(&site, &world.es256.client_id).await?;
        let postmaster = cluster.map(|(cluster, _)| cluster.id());
        let server = site.start().await?;
        let target = target_of(&site, postmaster, vec![server.id()]).await?;
        Ok(Self { server, target, world, site, postmaster })
    }

    /// What these processes on its database are read from.
    pub async fn target_of(&self, servers: Vec<u32>) -> Result<Target> {
        target_of(&self.site, self.postmaster, servers).await
    }

    /// Ends the server. What is left can be started again.
    pub async fn stop(self) -> Result<Site> {
        self.server.stop().await?;
        Ok(self.site)
    }
}

async fn target_of(site: &Site, postmaster: Option<u32>, servers: Vec<u32>) -> Result<Target> {
    Target::new(servers, postmaster.zip(site.database.as_deref())).await
}
